/** Asks before what cannot be taken back. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Dialog } from "../ui/dialog";

type Question = {
  title: string;
  body: ComponentChildren;
  /** What the button says: what is done, never "OK". */
  action: string;
  danger?: boolean;
  answer: (yes: boolean) => void;
};

const asked = signal<Question | undefined>(undefined);

/** Whether the reader wants it. While he is asked something else he is not asked: it would come under his mouse. */
export function confirm(question: Omit<Question, "answer">): Promise<boolean> {
  if (asked.peek()) return Promise.resolve(false);
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = undefined;
        resolve(yes);
      },
    };
  });
}

export function Confirm() {
  const question = asked.value;
  if (!question) return null;
  return (
    <Dialog title={question.title} onClose={() => question.answer(false)}>
      <div class="soft">{question.body}</div>
      <div class="buttons">
        <button type="button" class="button" onClick={() => question.answer(false)}>
          Keep as it is
        </button>
        <button
          type="button"
          class="button"
          data-kind={question.danger ? "danger" : "main"}
          onClick={() => question.answer(true)}
        >
          {question.action}
        </button>
      </div>
    </Dialog>
  );
}
