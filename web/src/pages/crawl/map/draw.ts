/** Draws a map on a canvas. */
import type { Spot } from "./layout";

/** Which part of the plane is seen: the plane's point in the middle, and pixels per unit. */
export type Camera = { x: number; y: number; scale: number };

export type Picture = {
  spots: readonly Spot[];
  edges: readonly (readonly [number, number])[];
  /** The colour of each spot, by place; "" for one that is gone. */
  fills: readonly string[];
  /** What stands in a spot that is large enough. */
  names?: readonly string[];
  hovered: number | undefined;
};

export type Paints = { edge: string; edgeStrong: string; rim: string; gone: string; text: string; font: string };

/** The camera that shows everything. */
export function fitting(spots: readonly Spot[], width: number, height: number): Camera {
  if (spots.length === 0) return { x: 0, y: 0, scale: 1 };
  const low = { x: Infinity, y: Infinity };
  const high = { x: -Infinity, y: -Infinity };
  for (const { x, y, radius } of spots) {
    low.x = Math.min(low.x, x - radius);
    low.y = Math.min(low.y, y - radius);
    high.x = Math.max(high.x, x + radius);
    high.y = Math.max(high.y, y + radius);
  }
  const scale = Math.min((width - 32) / Math.max(1, high.x - low.x), (height - 32) / Math.max(1, high.y - low.y), 2.4);
  return { x: (low.x + high.x) / 2, y: (low.y + high.y) / 2, scale: Math.max(0.05, scale) };
}

export function draw(canvas: HTMLCanvasElement, picture: Picture, camera: Camera, paints: Paints): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const density = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * density) || canvas.height !== Math.round(height * density)) {
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
  }
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  context.translate(width / 2, height / 2);
  context.scale(camera.scale, camera.scale);
  context.translate(-camera.x, -camera.y);
  strokeEdges(context, picture, camera, paints);
  fillSpots(context, picture, camera, paints);
}

function strokeEdges(
  context: CanvasRenderingContext2D,
  { spots, edges, hovered }: Picture,
  camera: Camera,
  paints: Paints,
): void {
  const line = (from: Spot | undefined, to: Spot | undefined) => {
    if (!from || !to) return;
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
  };
  context.lineWidth = 0.7 / camera.scale;
  context.strokeStyle = paints.edge;
  context.globalAlpha = Math.max(0.1, Math.min(0.5, 420 / (edges.length + 1)));
  context.beginPath();
  for (const [from, to] of edges) line(spots[from], spots[to]);
  context.stroke();
  context.globalAlpha = 1;
  if (hovered === undefined) return;
  context.lineWidth = 1.4 / camera.scale;
  context.strokeStyle = paints.edgeStrong;
  context.beginPath();
  for (const [from, to] of edges) if (from === hovered || to === hovered) line(spots[from], spots[to]);
  context.stroke();
}

function fillSpots(
  context: CanvasRenderingContext2D,
  { spots, fills, names, hovered }: Picture,
  camera: Camera,
  paints: Paints,
): void {
  for (const [place, spot] of spots.entries()) {
    const isHere = place === hovered;
    context.beginPath();
    context.arc(spot.x, spot.y, spot.radius + (isHere ? 2 / camera.scale : 0), 0, 2 * Math.PI);
    const fill = fills[place];
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    context.lineWidth = (isHere ? 2 : 1) / camera.scale;
    context.strokeStyle = isHere ? paints.text : fill ? paints.rim : paints.gone;
    context.stroke();
  }
  if (!names) return;
  context.fillStyle = paints.text;
  context.textAlign = "center";
  for (const [place, spot] of spots.entries()) {
    context.font = `600 ${12 / camera.scale}px ${paints.font}`;
    context.fillText((names[place] ?? "").slice(0, 40), spot.x, spot.y + spot.radius + 15 / camera.scale);
  }
}

/** The spot at a point of the canvas. */
export function spotAt(
  spots: readonly Spot[],
  camera: Camera,
  canvas: HTMLCanvasElement,
  left: number,
  top: number,
): number | undefined {
  const x = (left - canvas.clientWidth / 2) / camera.scale + camera.x;
  const y = (top - canvas.clientHeight / 2) / camera.scale + camera.y;
  const near = 4 / camera.scale;
  const place = spots.findIndex((spot) => Math.hypot(spot.x - x, spot.y - y) <= spot.radius + near);
  return place < 0 ? undefined : place;
}
