/** A drawing that can be moved, zoomed and clicked; it settles by itself, unseen where motion is not wanted. */
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { paused } from "../../../api/poll";
import { go } from "../../../router";
import { colours as themes } from "../../../shell/preferences";
import { resolved } from "../../../ui/colour";
import { Icon } from "../../../ui/icon";
import { type Camera, type Paints, draw, fitting, spotAt } from "./draw";
import { type Layout, layoutOf } from "./layout";

export type Drawing = {
  /** What is laid out: another key, another layout. */
  key: object;
  radii: readonly number[];
  edges: readonly (readonly [number, number])[];
  /** Colours of the series, 1 to 6; 0 for what is gone. */
  colours: readonly number[];
  names?: readonly string[];
  href: (place: number) => string;
  title: (place: number) => string;
};

/** Of every frame, so much is for the layout. */
const FRAME_MS = 12;
/** Moved less than this, it was a click. */
const CLICK_PX = 5;
const ZOOM = 1.35;

type State = {
  layout: Layout;
  camera: Camera;
  hovered: number | undefined;
  /** Whether the reader has moved the camera. */ held: boolean;
  drag?: { x: number; y: number; far: number };
};

export function Canvas({ drawing, label }: { drawing: Drawing; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const state = useRef<State | undefined>(undefined);
  const latest = useRef(drawing);
  latest.current = drawing;
  const look = useRef<Look | undefined>(undefined);
  const [hovered, setHovered] = useState<number | undefined>(undefined);
  const [settled, setSettled] = useState(false);

  const paint = () => {
    const element = canvas.current;
    if (!element || !state.current) return;
    const { layout, camera, hovered: here } = state.current;
    const { edges, colours, names } = latest.current;
    look.current ??= lookOf(element);
    const { series, paints } = look.current;
    const fills = colours.map((n) => (n === 0 ? "" : (series[n - 1] ?? "")));
    draw(element, { spots: layout.spots, edges, fills, hovered: here, ...(names ? { names } : {}) }, camera, paints);
  };

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const { radii, edges } = latest.current;
    const layout = layoutOf(radii, edges);
    state.current = { layout, camera: { x: 0, y: 0, scale: 1 }, hovered: undefined, held: false };
    setHovered(undefined);
    setSettled(false);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let frame = 0;
    let ended = false;
    const repaint = () => {
      if (state.current && !state.current.held)
        state.current.camera = fitting(layout.spots, element.clientWidth, element.clientHeight);
      paint();
    };
    const step = () => {
      ended = layout.run(FRAME_MS);
      if (!still || ended) repaint();
      if (ended) setSettled(true);
      else frame = requestAnimationFrame(step);
    };
    const stop = effect(() => {
      cancelAnimationFrame(frame);
      if (!ended && (still || !paused.value)) step();
    });
    // It also paints at once.
    const watch = new ResizeObserver(repaint);
    watch.observe(element);
    return () => {
      stop();
      cancelAnimationFrame(frame);
      watch.disconnect();
    };
  }, [drawing.key]);
  useEffect(() => {
    look.current = undefined;
    paint();
  }, [themes.value]);
  useEffect(paint, [drawing.colours, settled, hovered]);

  const zoom = (by: number) => {
    const now = state.current;
    if (!now) return;
    now.camera = { ...now.camera, scale: Math.min(12, Math.max(0.05, now.camera.scale * by)) };
    now.held = true;
    paint();
  };
  const showAll = () => {
    const [now, element] = [state.current, canvas.current];
    if (!now || !element) return;
    now.held = false;
    now.camera = fitting(now.layout.spots, element.clientWidth, element.clientHeight);
    paint();
  };
  const onMove = (event: PointerEvent) => {
    const [now, element] = [state.current, canvas.current];
    if (!now || !element) return;
    if (now.drag) {
      const [right, down] = [event.clientX - now.drag.x, event.clientY - now.drag.y];
      now.drag = { x: event.clientX, y: event.clientY, far: now.drag.far + Math.hypot(right, down) };
      now.camera = {
        ...now.camera,
        x: now.camera.x - right / now.camera.scale,
        y: now.camera.y - down / now.camera.scale,
      };
      now.held = true;
      return paint();
    }
    now.hovered = spotAt(now.layout.spots, now.camera, element, event.offsetX, event.offsetY);
    element.style.cursor = now.hovered === undefined ? "grab" : "pointer";
    setHovered(now.hovered);
  };
  const onUp = (event: PointerEvent) => {
    const [now, element] = [state.current, canvas.current];
    if (!now?.drag || !element) return;
    const clicked = now.drag.far < CLICK_PX;
    delete now.drag;
    const place = clicked ? spotAt(now.layout.spots, now.camera, element, event.offsetX, event.offsetY) : undefined;
    if (place !== undefined) go(latest.current.href(place));
  };
  return (
    <div class="map" data-settled={settled ? "" : undefined}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          if (state.current) state.current.drag = { x: event.clientX, y: event.clientY, far: 0 };
        }}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerLeave={() => {
          if (state.current) state.current.hovered = undefined;
          setHovered(undefined);
        }}
        onWheel={(event) => {
          // Without Ctrl the wheel is the page's.
          if (!event.ctrlKey) return;
          event.preventDefault();
          zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
        }}
      />
      {hovered !== undefined && (
        <div class="map-title">
          <bdi>{drawing.title(hovered)}</bdi>
        </div>
      )}
      <div class="map-buttons">
        <button type="button" class="button" data-icon-only aria-label="Nearer" onClick={() => zoom(ZOOM)}>
          <Icon name="create" />
        </button>
        <button type="button" class="button" data-icon-only aria-label="Farther" onClick={() => zoom(1 / ZOOM)}>
          <Icon name="minus" />
        </button>
        <button type="button" class="button" data-icon-only aria-label="Show all" title="Show all" onClick={showAll}>
          <Icon name="frame" />
        </button>
      </div>
    </div>
  );
}

/** The colours of the theme, looked up once: a frame has no time for it. */
type Look = { series: string[]; paints: Paints };

function lookOf(element: HTMLCanvasElement): Look {
  const holder = element.parentElement ?? element;
  const series = [1, 2, 3, 4, 5, 6].map((n) => resolved(holder, `--series-${n}`));
  const paints = {
    edge: resolved(holder, "--text-faint"),
    edgeStrong: resolved(holder, "--accent"),
    rim: resolved(holder, "--surface"),
    gone: resolved(holder, "--bad"),
    text: resolved(holder, "--text"),
    font: getComputedStyle(element).fontFamily,
  };
  return { series, paints };
}
