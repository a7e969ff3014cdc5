// The kernels that have names, as /convolve knows them, with what they do in words.

const NINTH = 1 / 9;

/** By name: what people call it, what it does, and its nine weights. */
export const KERNELS = {
  identity: ["Nothing", "Only the middle counts: the picture stays as it is.", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]],
  horizontal_edges: ["Horizontal edges", "What lies above minus what lies below: strong where one is ink and the other paper.", [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]],
  vertical_edges: ["Vertical edges", "What lies left minus what lies right.", [[1, 0, -1], [1, 0, -1], [1, 0, -1]]],
  sobel_horizontal: ["Sobel, horizontal", "Horizontal edges, the near pixels counting twice.", [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]],
  sobel_vertical: ["Sobel, vertical", "Vertical edges, the near pixels counting twice.", [[1, 0, -1], [2, 0, -2], [1, 0, -1]]],
  laplacian: ["Laplacian", "How much a pixel differs from its four neighbours: outlines in every direction.", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]],
  blur: ["Blur", "The mean of nine pixels.", [[NINTH, NINTH, NINTH], [NINTH, NINTH, NINTH], [NINTH, NINTH, NINTH]]],
  gaussian_blur: ["Soft blur", "A mean in which the middle counts most.", [[1 / 16, 2 / 16, 1 / 16], [2 / 16, 4 / 16, 2 / 16], [1 / 16, 2 / 16, 1 / 16]]],
  sharpen: ["Sharpen", "The picture, and how much it differs from its neighbours on top.", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]],
  emboss: ["Emboss", "As if lit from one corner.", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]],
};

/** Under which name these weights go, or null. */
export function nameOf(weights) {
  const text = JSON.stringify(weights);
  return Object.keys(KERNELS).find((name) => JSON.stringify(KERNELS[name][2]) === text) ?? null;
}
