// Small arrays on canvases, one number a pixel.

/** Paint `height` × `width` values, `colour(value)` giving [r, g, b] or [r, g, b, alpha]. */
export function paintValues(canvas, width, height, valueAt, colour) {
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(imageOf(width, height, valueAt, colour), 0, 0);
}

/** The same as ImageData. */
export function imageOf(width, height, valueAt, colour) {
  const image = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [r, g, b, alpha = 255] = colour(valueAt(y, x));
      image.data.set([r, g, b, alpha], 4 * (y * width + x));
    }
  }
  return image;
}

/** A byte as grey. */
export const grey = (value) => [value, value, value];

/** Rows of [r], [r, g, b] or plain numbers, painted as a picture. */
export function paintPicture(canvas, rows) {
  paintValues(canvas, rows[0].length, rows.length, (y, x) => rows[y][x], (pixel) => (Array.isArray(pixel) && pixel.length === 3 ? pixel : grey(Array.isArray(pixel) ? pixel[0] : pixel)));
}
