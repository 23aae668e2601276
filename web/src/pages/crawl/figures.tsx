/** A network in numbers. */
import type { components } from "../../api/schema.gen";
import { briefCount, counted, figure, percent } from "../../format/quantity";
import { Figure, Figures } from "../../ui/figure";
import { Time } from "../../ui/text";

export type Stats = components["schemas"]["CrawlStats"];
type About = components["schemas"]["CrawlNetworks"]["networks"][number];

export function CrawlFigures({ stats, about }: { stats: Stats; about: About | undefined }) {
  const { estimate, nodes } = stats;
  const part = percent(Math.min(1, estimate.covered));
  return (
    <Figures label="The network">
      <Figure
        title="Live nodes"
        note={
          estimate.nodes > 0
            ? `${part} of about ${briefCount(Math.round(estimate.nodes))} ± ${figure(estimate.error)}`
            : "too little seen to estimate all"
        }
      >
        {briefCount(nodes)}
      </Figure>
      <Figure
        title="Candidates"
        note={
          stats.refused > 0
            ? `${briefCount(stats.refused)} without an address that may be asked`
            : "heard of, or asked in vain"
        }
      >
        {briefCount(stats.candidates)}
      </Figure>
      <Figure title="Gone" note="former members, remembered">
        {briefCount(stats.gone)}
      </Figure>
      <Figure
        title="Neighbourhoods"
        note={nodes > 0 ? `${figure(stats.edges / nodes)} told of by each` : "who told of whom"}
      >
        {briefCount(stats.edges)}
      </Figure>
      <Figure title="Old copies" note="of records that others gave">
        {percent(stats.stale_copy_rate)}
      </Figure>
      <Figure
        title="Epoch"
        note={
          about && (
            <>
              since <Time at={about.started_at} />,{" "}
              {about.members === 0 ? "nobody crawls now" : `${counted(about.members, "process", "processes")} at work`}
            </>
          )
        }
      >
        {briefCount(stats.epoch)}
      </Figure>
    </Figures>
  );
}
