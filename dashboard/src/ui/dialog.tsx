/** Questions before something is done, and short notes of what was. */
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Sign } from './icons.js';

/** A window over the page, which the browser keeps the focus in. */
export function Dialog(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly wide?: boolean;
}) {
  const { onClose } = props;
  const element = useRef<HTMLDialogElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // What lies beside it is itself, as far as the browser is concerned.
    dialog?.addEventListener('click', (event) => event.target === dialog && close.current());
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      class={props.wide ? 'dialog is-wide' : 'dialog'}
      aria-label={props.title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2>{props.title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
            <Sign of="close" />
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

/** The end of a form in a dialog: what was refused, and the two ways out. */
export function DialogFoot(props: {
  readonly error: string | undefined;
  /** What the button says that does it. */
  readonly verb: string;
  /** It cannot be taken back. */
  readonly danger?: boolean | undefined;
  readonly busy?: boolean;
  readonly onClose: () => void;
}) {
  return (
    <>
      {props.error !== undefined && (
        <p class="field-error" role="alert">
          {props.error}
        </p>
      )}
      <footer class="dialog-foot">
        <button type="button" class="button" onClick={props.onClose}>
          Leave it
        </button>
        <button
          type="submit"
          class={props.danger ? 'button is-danger' : 'button is-main'}
          disabled={props.busy ?? false}
        >
          {props.verb}
        </button>
      </footer>
    </>
  );
}

export interface Question {
  readonly title: string;
  readonly text: ComponentChildren;
  /** What the button says that does it. */
  readonly verb: string;
  /** It cannot be taken back. */
  readonly danger?: boolean;
  /** A line of text goes along. */
  readonly asks?: { readonly label: string; readonly placeholder?: string };
  readonly run: (text: string) => Promise<unknown>;
}

const asked = signal<Question | undefined>(undefined);

/** Asks before it is done. */
export function ask(question: Question): void {
  asked.value = question;
}

export function Questions() {
  const question = asked.value;
  return question ? <Asking key={question.title} question={question} /> : null;
}

function Asking({ question }: { readonly question: Question }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [text, setText] = useState('');
  const close = (): void => {
    asked.value = undefined;
  };
  const run = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await question.run(text);
      close();
    } catch (failure) {
      setError((failure as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={question.title} onClose={close}>
      <form onSubmit={run}>
        <div class="dialog-text">{question.text}</div>
        {question.asks && (
          <label class="field">
            <span>{question.asks.label}</span>
            <input
              value={text}
              placeholder={question.asks.placeholder ?? ''}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        )}
        <DialogFoot error={error} verb={question.verb} danger={question.danger} busy={busy} onClose={close} />
      </form>
    </Dialog>
  );
}

interface Note {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
}

const notes = signal<readonly Note[]>([]);
let made = 0;
const shownMs = 5000;

export function note(text: string, bad = false, forMs = shownMs): void {
  const id = ++made;
  notes.value = [...notes.value.slice(-2), { id, text, bad }];
  setTimeout(() => {
    notes.value = notes.value.filter((one) => one.id !== id);
  }, forMs);
}

/** Does something and says what came of it. */
export async function tell(doing: Promise<unknown>, done: string): Promise<void> {
  try {
    await doing;
    note(done);
  } catch (error) {
    note((error as Error).message, true);
  }
}

export function Notes() {
  return (
    <div class="notes" role="status" aria-live="polite">
      {notes.value.map(({ id, text, bad }) => (
        <p key={id} class={bad ? 'note is-bad' : 'note'}>
          <Sign of={bad ? 'warn' : 'check'} />
          {text}
        </p>
      ))}
    </div>
  );
}
