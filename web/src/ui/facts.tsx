/** What is known of one thing, name by name; what is not known is left out. */
import type { ComponentChildren } from "preact";

export type Fact = [name: string, value: ComponentChildren];

export function FactsCard({ facts }: { facts: Fact[] }) {
  return (
    <section class="card" aria-label="Facts">
      <header>
        <h2>Facts</h2>
      </header>
      <dl class="facts body">
        {facts.map(([name, value]) => value && [<dt key={name}>{name}</dt>, <dd key={`${name} value`}>{value}</dd>])}
      </dl>
    </section>
  );
}
