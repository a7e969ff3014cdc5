// Pictures from elsewhere: dropped, pasted, chosen from a disk, or photographed.

const LARGE_BYTES = 1_500_000;
const LARGE_SIDE_PX = 1600;

/** Have `take` called with each picture that comes, as a Blob that is fit to be sent. `said` hears what went wrong. */
export function takePictures({ place, choose, photograph }, take, said) {
  const receive = async (file) => {
    if (file && (file.type === "" || file.type.startsWith("image/"))) take(await fit(file));
    else if (file) said(`That is no picture (${file.type}).`);
  };
  for (const field of [choose, photograph]) {
    field.addEventListener("change", () => {
      receive(field.files[0]);
      field.value = ""; // so that choosing the same file again is a change
    });
  }
  document.addEventListener("paste", (event) => {
    const item = [...(event.clipboardData?.items ?? [])].find(({ kind }) => kind === "file");
    if (item) {
      event.preventDefault();
      receive(item.getAsFile());
    }
  });
  // Anywhere on the page: a picture dropped beside the sheet would otherwise replace the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.dataset.over = "";
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) delete place.dataset.over;
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    delete place.dataset.over;
    receive(event.dataTransfer?.files[0]);
  });
}

/** A telephone's picture of many MB made smaller; everything else as it is. */
async function fit(file) {
  if (file.size <= LARGE_BYTES) return file;
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, LARGE_SIDE_PX / Math.max(bitmap.width, bitmap.height));
    const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  } catch {
    return file; // not for this browser, maybe for the service
  }
}
