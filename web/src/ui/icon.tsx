/** Line icons on a grid of 16, drawn for this dashboard. */
const PATHS = {
  overview: "M2 9.5h3l2-6 3 9 1.6-4.5H14",
  jobs: "M2.5 4h11M2.5 8h11M2.5 12h7",
  sanjers:
    "M4.5 4.5h7v7h-7zM6.5 1.8v2.7M9.5 1.8v2.7M6.5 11.5v2.7M9.5 11.5v2.7M1.8 6.5h2.7M1.8 9.5h2.7M11.5 6.5h2.7M11.5 9.5h2.7",
  platforms: "M8 1.8 13.6 5v6L8 14.2 2.4 11V5zM2.4 5 8 8.2 13.6 5M8 8.2v6",
  create: "M8 2.8v10.4M2.8 8h10.4",
  failures: "M8 2.2 14.4 13.4H1.6zM8 6.6v3M8 11.4v.2",
  requests: "M2 5.5h9.5M9 3l2.5 2.5L9 8M14 10.5H4.5M7 8l-2.5 2.5L7 13",
  network:
    "M8 3.6v3M6.8 8.8 4.4 11M9.2 8.8l2.4 2.2M8 3.6a1.3 1.3 0 1 0 0-2.6 1.3 1.3 0 0 0 0 2.6zM8 9.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2zM3.4 13.6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM12.6 13.6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z",
  system: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.1M5 11h.1",
  nodes: "M2.5 2.5h11v4h-11zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4zM4.5 6.5v3M11.5 6.5v3M5 4.5h.1",
  reference:
    "M8 3.8C6.5 2.6 4.5 2.4 2.2 2.6v10c2.3-.2 4.3 0 5.8 1.2 1.5-1.2 3.5-1.4 5.8-1.2v-10C11.5 2.4 9.5 2.6 8 3.8zM8 3.8v10",
  minus: "M2.8 8h10.4",
  frame: "M2.5 5.5v-3h3M10.5 2.5h3v3M13.5 10.5v3h-3M5.5 13.5h-3v-3",
  search: "M7 12a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM10.7 10.7 14 14",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  close: "m4 4 8 8M12 4l-8 8",
  check: "m3 8.5 3.2 3.2L13 5",
  cross: "m4.2 4.2 7.6 7.6M11.8 4.2l-7.6 7.6",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.8V8l2.2 1.6",
  hourglass: "M4 2h8M4 14h8M5 2c0 3 2 4 3 6-1 2-3 3-3 6M11 2c0 3-2 4-3 6 1 2 3 3 3 6",
  run: "M5 3.2v9.6L12.8 8z",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  snooze: "M4 4h5l-5 6h5M10.5 8.5H14l-3.5 4H14",
  stop: "M4.5 4.5h7v7h-7z",
  skull:
    "M8 2a5 5 0 0 0-5 5c0 2 1 3 2 3.7V13h6v-2.3c1-.7 2-1.7 2-3.7a5 5 0 0 0-5-5zM6 7.2v.3M10 7.2v.3M7 13v-1.6M9 13v-1.6",
  calendar: "M2.5 3.5h11v10h-11zM2.5 6.5h11M5.5 2v3M10.5 2v3",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  moon: "M13.2 9.8A5.6 5.6 0 0 1 6.2 2.8a5.6 5.6 0 1 0 7 7z",
  display: "M2 3h12v8H2zM5.5 13.5h5M8 11v2.5",
  help: "M6 6a2 2 0 1 1 2.8 1.8c-.6.3-.8.7-.8 1.4M8 11.6v.2M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z",
  copy: "M5.5 5.5h7.5V13H5.5zM3 10.5V3h7.5",
  edit: "M10.8 2.8 13.2 5.2 5.5 12.9 2.6 13.4l.5-2.9z",
  download: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.2h10",
  back: "M9.8 3.5 5.3 8l4.5 4.5",
  next: "m6.2 3.5 4.5 4.5-4.5 4.5",
  empty: "M2.5 9.5 4.5 3h7l2 6.5v3.5h-11zM2.5 9.5h3.2l.8 1.6h3l.8-1.6h3.2",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5M6.8 7v3.8M9.2 7v3.8",
  filter: "M2.5 3.5h11L9.4 8.3v4.2l-2.8-1.3V8.3z",
} as const;

export type IconName = keyof typeof PATHS;

/** Beside text it says nothing of its own; alone, whoever shows it gives its button a label. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
