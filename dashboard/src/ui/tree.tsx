/** JSON as a tree. All of it is text: what programs put into payloads is nobody's markup. */
import { useState } from 'preact/hooks';
import { Copy } from './basics.js';

const shownAtOnce = 100;
const longText = 600;

export function Json({ value, name }: { readonly value: unknown; readonly name: string }) {
  return (
    <div class="json">
      <Copy text={JSON.stringify(value, null, 2) ?? ''} what={name} />
      <div class="json-body" role="region" tabIndex={0} aria-label={name}>
        <Node value={value} depth={0} />
      </div>
    </div>
  );
}

function Node({ name, value, depth }: { readonly name?: string; readonly value: unknown; readonly depth: number }) {
  const label = name === undefined ? null : <span class="json-key">{name}: </span>;
  if (value === null || typeof value !== 'object')
    return (
      <div class="json-line">
        {label}
        <Leaf value={value} />
      </div>
    );
  return <Branch label={label} value={value} depth={depth} />;
}

function Branch(props: { readonly label: preact.ComponentChildren; readonly value: object; readonly depth: number }) {
  const { label, value, depth } = props;
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const [isOpen, setOpen] = useState(depth < 2 || (entries.length < 6 && depth < 4));
  const [shown, setShown] = useState(shownAtOnce);
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0)
    return (
      <div class="json-line">
        {label}
        <span class="faint">
          {open}
          {close}
        </span>
      </div>
    );
  return (
    <details class="json-branch" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label}
        <span class="faint">
          {open}
          {!isOpen &&
            ` ${entries.length} ${isList ? (entries.length === 1 ? 'item' : 'items') : entries.length === 1 ? 'field' : 'fields'} ${close}`}
        </span>
      </summary>
      {isOpen && (
        <div class="json-inner">
          {entries.slice(0, shown).map(([key, inner]) => (
            <Node key={key} {...(!isList && { name: key })} value={inner} depth={depth + 1} />
          ))}
          {entries.length > shown && (
            <button type="button" class="link" onClick={() => setShown(shown + shownAtOnce * 5)}>
              {entries.length - shown} more
            </button>
          )}
        </div>
      )}
      {isOpen && <div class="faint">{close}</div>}
    </details>
  );
}

function Leaf({ value }: { readonly value: unknown }) {
  const [whole, setWhole] = useState(false);
  if (typeof value !== 'string')
    return <span class={`json-${value === null ? 'null' : typeof value}`}>{String(value)}</span>;
  const cut = !whole && value.length > longText;
  return (
    <>
      <span class="json-string">{JSON.stringify(cut ? value.slice(0, longText) : value)}</span>
      {cut && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          {value.length - longText} more characters
        </button>
      )}
    </>
  );
}
