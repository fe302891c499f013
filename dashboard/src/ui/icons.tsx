/** Small signs, drawn in the colour of the text they stand in. Their meaning stands beside them as text. */
import type { ComponentChildren } from 'preact';

function Icon({ children, size = 14 }: { readonly children: ComponentChildren; readonly size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

const shapes = {
  pending: <circle cx="8" cy="8" r="5.5" stroke-dasharray="2.2 2.1" />,
  running: (
    <>
      <circle cx="8" cy="8" r="5.5" opacity=".3" />
      <path d="M8 2.5A5.5 5.5 0 0 1 13.5 8" class="turning" />
    </>
  ),
  success: (
    <>
      <circle cx="8" cy="8" r="6" fill="currentColor" stroke="none" opacity=".16" />
      <path d="M5 8.2l2.1 2.1L11.2 6" />
    </>
  ),
  failed: (
    <>
      <circle cx="8" cy="8" r="6" fill="currentColor" stroke="none" opacity=".16" />
      <path d="M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2" />
    </>
  ),
  cancelled: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M4.3 11.7l7.4-7.4" />
    </>
  ),
  paused: <path d="M5.5 4v8M10.5 4v8" stroke-width="2.2" />,
  play: <path d="M5 3.5l7.5 4.5L5 12.5z" />,
  retry: <path d="M12.8 6.5A5.3 5.3 0 1 0 13.3 9M13 3v3.5H9.5" />,
  repeat: <path d="M3 7V6a2 2 0 0 1 2-2h7.5L10.5 2M13 9v1a2 2 0 0 1-2 2H3.5l2 2" />,
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 3.5v-.5A1.5 1.5 0 0 0 9 1.5H3A1.5 1.5 0 0 0 1.5 3v6A1.5 1.5 0 0 0 3 10.500h.5" />
    </>
  ),
  check: <path d="M3 8.5l3.2 3.2L13 5" />,
  close: <path d="M4 4l8 8M12 4l-8 8" />,
  plus: <path d="M8 3v10M3 8h10" />,
  search: (
    <>
      <circle cx="7" cy="7" r="4.5" />
      <path d="M10.5 10.500L14 14" />
    </>
  ),
  warn: <path d="M8 2.2L14.5 13.500H1.500zM8 6.500v3M8 11.600v.1" />,
  overview: <path d="M2 13.500h12M4 11V7M8 11V3M12 11V5.5" />,
  jobs: <path d="M2.5 4h11M2.5 8h11M2.5 12h7" />,
  clock: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.500V8l2.5 1.5" />
    </>
  ),
  types: (
    <>
      <rect x="2.5" y="2.5" width="4.5" height="4.5" rx="1" />
      <rect x="9" y="2.5" width="4.5" height="4.5" rx="1" />
      <rect x="2.5" y="9" width="4.5" height="4.5" rx="1" />
      <rect x="9" y="9" width="4.5" height="4.5" rx="1" />
    </>
  ),
  events: <path d="M1.5 8h3l2-5 3 10 2-5h3" />,
  system: (
    <>
      <rect x="2" y="2.5" width="12" height="4.5" rx="1.2" />
      <rect x="2" y="9" width="12" height="4.5" rx="1.2" />
      <path d="M4.7 4.800h.01M4.7 11.300h.01" stroke-width="2" />
    </>
  ),
  cluster: (
    <>
      <rect x="6" y="1.5" width="4" height="4" rx="1" />
      <rect x="1.5" y="10.5" width="4" height="4" rx="1" />
      <rect x="10.5" y="10.5" width="4" height="4" rx="1" />
      <path d="M8 5.5v2.500M3.500 10.500V8h9v2.500" />
    </>
  ),
  theme: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M8 2.500a5.5 5.5 0 0 1 0 11z" fill="currentColor" stroke="none" />
    </>
  ),
  chevron: <path d="M6 4l4 4-4 4" />,
  filter: <path d="M2 4h12M4.5 8h7M6.5 12h3" />,
  edit: <path d="M10.5 3l2.5 2.500L6 12.500l-3 .5.5-3z" />,
  book: (
    <path d="M8 4c-1.3-1-3-1.3-5.5-1.300v9.600c2.5 0 4.2.3 5.5 1.3 1.3-1 3-1.3 5.5-1.300V2.700C11 2.7 9.3 3 8 4zM8 4v9.6" />
  ),
} as const;

export type Sign = keyof typeof shapes;

export function Sign({ of, size }: { readonly of: Sign; readonly size?: number }) {
  return <Icon {...(size !== undefined && { size })}>{shapes[of]}</Icon>;
}

/** The escape wheel of the name. */
export function Mark() {
  return (
    <svg class="mark" width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="10" cy="10" r="5.2" fill="none" stroke="currentColor" stroke-width="1.6" />
      <circle cx="10" cy="10" r="1.4" fill="currentColor" />
      {Array.from({ length: 10 }, (_, at) => (
        <path
          key={at}
          d="M9.2 4.800L10.9 4.800L11.3 1.300z"
          fill="currentColor"
          transform={`rotate(${at * 36} 10 10)`}
        />
      ))}
    </svg>
  );
}
