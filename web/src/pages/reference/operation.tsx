/** One operation: what it takes and what it answers. */
import { Copy } from "../../ui/text";
import { type Dict, type Document, type Operation, dict, text } from "./document";
import { Marked } from "./marked";
import { Shape } from "./shape";

export function OperationBody({ operation, document }: { operation: Operation; document: Document }) {
  const { parameters, body, responses, description } = operation;
  return (
    <div class="body stack">
      {description && <Marked text={description} />}
      {parameters.length > 0 && (
        <div>
          <h3>Parameters</h3>
          <dl class="shape">
            {parameters.map((parameter) => (
              <Parameter key={`${text(parameter["in"])} ${text(parameter["name"])}`} parameter={parameter} />
            ))}
          </dl>
        </div>
      )}
      {body && (
        <div class="stack">
          <h3>Body</h3>
          {text(body["description"]) && <Marked text={text(body["description"])} />}
          <Contents of={body} document={document} />
        </div>
      )}
      <div>
        <h3>Answers</h3>
        <ul class="answers">
          {responses.map(([status, response]) => (
            <li key={status}>
              <details>
                <summary>
                  <code data-good={status.startsWith("2") ? "" : undefined}>{status}</code>{" "}
                  <span class="soft">{firstLine(text(response["description"]))}</span>
                </summary>
                <div class="stack">
                  {text(response["description"]).trim().includes("\n") && (
                    <Marked text={text(response["description"])} />
                  )}
                  <Headers response={response} document={document} />
                  <Contents of={response} document={document} />
                </div>
              </details>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function firstLine(description: string): string {
  const [first = "", ...rest] = description.trim().split("\n");
  return rest.length > 0 ? `${first} …` : first;
}

function Parameter({ parameter }: { parameter: Dict }) {
  const place = text(parameter["in"]);
  return (
    <div>
      <dt>
        <code>{text(parameter["name"])}</code>
        {place !== "query" && <span class="faint small"> in the {place}</span>}
        {parameter["required"] === true && <span class="needed small"> required</span>}
      </dt>
      <dd>
        <Shape schema={parameter["schema"]} open={false} />
        {text(parameter["description"]) && <Marked text={text(parameter["description"])} />}
      </dd>
    </div>
  );
}

function Headers({ response, document }: { response: Dict; document: Document }) {
  const headers = Object.entries(dict(response["headers"])).filter(([name]) => name !== "X-Request-Id");
  if (headers.length === 0) return null;
  return (
    <dl class="shape">
      {headers.map(([name, header]) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
            <span class="faint small"> header</span>
          </dt>
          <dd>
            <Marked text={text(document.resolve(header)["description"])} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Each type of content with its schema and its examples. */
function Contents({ of, document }: { of: Dict; document: Document }) {
  return (
    <>
      {Object.entries(dict(of["content"])).map(([type, content]) => (
        <div key={type} class="stack content">
          <div>
            <code class="faint">{type}</code> <Shape schema={dict(content)["schema"]} open />
          </div>
          {examplesOf(dict(content), document).map(([name, value]) => (
            <div key={name} class="example-of">
              <div class="row">
                <span class="soft small">{name}</span>
                <Copy text={value} what="Example" />
              </div>
              <pre class="pane wrap">{value}</pre>
            </div>
          ))}
        </div>
      ))}
    </>
  );
}

function examplesOf(content: Dict, document: Document): [string, string][] {
  const one = content["example"] === undefined ? [] : [["Example", content["example"]] as const];
  const many = Object.entries(dict(content["examples"])).map(([name, example]) => {
    const { summary, value } = document.resolve(example);
    return [text(summary) || name, value ?? null] as const;
  });
  return [...one, ...many].map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value, null, 2),
  ]);
}
