/** Finds places for vertices, within a bounded time. */
import {
  type Simulation,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
} from "d3-force";

export type Spot = SimulationNodeDatum & { x: number; y: number; radius: number };

export type Layout = {
  spots: Spot[];
  /** Goes on for so many milliseconds; whether it has ended. */
  run: (ms: number) => boolean;
};

/** However slow the machine is, the layout is left as it is after so long. */
const LONGEST_MS = 4000;
const SETTLED = 0.02;

/** `radii` are those of the vertices. */
export function layoutOf(radii: readonly number[], edges: readonly (readonly [number, number])[]): Layout {
  const spots = radii.map((radius, place) => spotOf(radius, place));
  const links: SimulationLinkDatum<Spot>[] = edges.map(([source, target]) => ({ source, target }));
  const many = spots.length;
  const simulation: Simulation<Spot, undefined> = forceSimulation(spots)
    .stop()
    .alphaDecay(0.035)
    .force(
      "charge",
      forceManyBody<Spot>()
        .strength(many > 500 ? -22 : -70)
        .distanceMax(420)
        .theta(1.1),
    )
    .force(
      "link",
      forceLink(links)
        .distance(many > 500 ? 34 : 60)
        .strength(edges.length > many * 4 ? 0.03 : 0.12),
    )
    .force("x", forceX<Spot>().strength(0.055))
    .force("y", forceY<Spot>().strength(0.075))
    .force(
      "collide",
      forceCollide<Spot>((spot) => spot.radius + 1.5),
    );
  let spent = 0;
  const run = (ms: number) => {
    const begin = performance.now();
    while (performance.now() - begin < ms && spent < LONGEST_MS && simulation.alpha() > SETTLED) {
      const before = performance.now();
      simulation.tick();
      spent += performance.now() - before;
    }
    return spent >= LONGEST_MS || simulation.alpha() <= SETTLED;
  };
  return { spots, run };
}

/** On a spiral, so that the same network begins in the same way. */
function spotOf(radius: number, place: number): Spot {
  const angle = place * 2.399963;
  const distance = 12 * Math.sqrt(place + 0.5);
  return { x: distance * Math.cos(angle), y: distance * Math.sin(angle), radius };
}
