// Strokes of a pen: `{ width, points: [{ x, y, pressure }] }`, all lengths as parts of the sheet's side.

/** Draw them on a 2D context of a canvas `side` pixels wide and high. */
export function paint(context, side, strokes, colour) {
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const stroke of strokes) paintOne(context, side, stroke);
}

/** A PNG of the strokes in black on white, as a Blob: what is sent. */
export function asPicture(strokes, side = 256) {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d", { alpha: false });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  paint(context, side, strokes, "#000");
  return canvas.convertToBlob({ type: "image/png" });
}

/** A smooth stroke through these points, `[x, y]` out of 100: a Catmull–Rom spline. */
export function through(corners, { width = 0.07, x = 0, y = 0, scale = 1 } = {}) {
  const at = (index) => corners[Math.max(0, Math.min(corners.length - 1, index))];
  const points = [];
  for (let index = 0; index < corners.length - 1; index++) {
    const [before, from, to, after] = [at(index - 1), at(index), at(index + 1), at(index + 2)];
    for (let step = 0; step < 8; step++) points.push([0, 1].map((axis) => spline(before[axis], from[axis], to[axis], after[axis], step / 8)));
  }
  points.push(corners.at(-1));
  return { width: width * scale, points: points.map(([px, py]) => ({ x: x + (scale * px) / 100, y: y + (scale * py) / 100, pressure: 0.5 })) };
}

function paintOne(context, side, { width, points }) {
  const lineWidth = (point) => side * width * (0.5 + point.pressure);
  if (points.length === 1) {
    context.beginPath();
    context.arc(side * points[0].x, side * points[0].y, lineWidth(points[0]) / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  // From middle to middle, bent by the point between: no corner where the hand made none.
  let [startX, startY] = [points[0].x, points[0].y];
  for (let index = 1; index < points.length; index++) {
    const [bend, next] = [points[index - 1], points[index]];
    const last = index === points.length - 1;
    const [endX, endY] = last ? [next.x, next.y] : [(bend.x + next.x) / 2, (bend.y + next.y) / 2];
    context.lineWidth = (lineWidth(bend) + lineWidth(next)) / 2;
    context.beginPath();
    context.moveTo(side * startX, side * startY);
    context.quadraticCurveTo(side * bend.x, side * bend.y, side * endX, side * endY);
    context.stroke();
    [startX, startY] = [endX, endY];
  }
}

function spline(before, from, to, after, t) {
  return 0.5 * (2 * from + (to - before) * t + (2 * before - 5 * from + 4 * to - after) * t ** 2 + (3 * from - before - 3 * to + after) * t ** 3);
}
