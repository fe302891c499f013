/** Fields for a payload, made from the schema of its type; what a field cannot say is written as JSON. */
import { useId, useState } from 'preact/hooks';

export type Schema = {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly default?: unknown;
  readonly format?: string;
};
type Payload = Readonly<Record<string, unknown>>;

export function PayloadForm(props: {
  readonly schema: Schema;
  readonly value: Payload;
  readonly onChange: (value: Payload) => void;
}) {
  const { schema, value, onChange } = props;
  const set = (name: string, one: unknown): void => {
    const { [name]: _, ...rest } = value;
    onChange(one === undefined ? rest : { ...rest, [name]: one });
  };
  return (
    <div class="form-grid">
      {Object.entries(schema.properties ?? {}).map(([name, one]) => (
        <Field
          key={name}
          name={name}
          schema={one}
          value={value[name]}
          required={schema.required?.includes(name) === true}
          onChange={(given) => set(name, given)}
        />
      ))}
    </div>
  );
}

interface FieldProps {
  readonly name: string;
  readonly schema: Schema;
  readonly value: unknown;
  readonly required: boolean;
  readonly onChange: (value: unknown) => void;
}

function Field(props: FieldProps) {
  const { name, schema, required } = props;
  const id = useId();
  return (
    <label class="field" htmlFor={id}>
      <span>
        <code>{name}</code> {!required && <span class="faint">optional</span>}
      </span>
      <Input {...props} id={id} />
      {schema.description && <small>{schema.description}</small>}
    </label>
  );
}

function Input({ id, schema, value, required, onChange }: FieldProps & { readonly id: string }) {
  const text = value === undefined ? '' : String(value);
  if (schema.enum)
    return (
      <select
        id={id}
        value={schema.enum.indexOf(value)}
        onChange={(event) => onChange(schema.enum?.[Number(event.currentTarget.value)])}
      >
        <option value={-1}>{required ? 'choose' : 'none'}</option>
        {schema.enum.map((one, at) => (
          <option key={String(one)} value={at}>
            {String(one)}
          </option>
        ))}
      </select>
    );
  switch (schema.type) {
    case 'boolean':
      return (
        <select
          id={id}
          value={text}
          onChange={({ currentTarget: { value: given } }) => onChange(given === '' ? undefined : given === 'true')}
        >
          <option value="">{required ? 'choose' : 'none'}</option>
          <option value="true">yes</option>
          <option value="false">no</option>
        </select>
      );
    case 'number':
    case 'integer':
      return (
        <input
          id={id}
          type="number"
          step={schema.type === 'integer' ? 1 : 'any'}
          value={text}
          onInput={({ currentTarget: { value: given } }) => onChange(given === '' ? undefined : Number(given))}
        />
      );
    case 'string':
      return (
        <input
          id={id}
          value={text}
          onInput={({ currentTarget: { value: given } }) => onChange(given === '' && !required ? undefined : given)}
        />
      );
    default:
      return <AsJson id={id} value={value} onChange={onChange} />;
  }
}

function AsJson({ id, value, onChange }: Pick<FieldProps, 'value' | 'onChange'> & { readonly id: string }) {
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value));
  const read = (given: string): void => {
    setText(given);
    if (given.trim() === '') return onChange(undefined);
    try {
      onChange(JSON.parse(given));
    } catch {
      onChange(given);
    }
  };
  return (
    <textarea
      id={id}
      class="mono"
      rows={2}
      spellcheck={false}
      placeholder="JSON"
      value={text}
      onInput={(event) => read(event.currentTarget.value)}
    />
  );
}
