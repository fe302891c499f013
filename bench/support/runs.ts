/** Several runs of one bench as one report: whether what one run says holds. */
import { type Finding, type Must, median, medians } from './bench.js';

/**
 * Of each finding the median over the runs, and the ratio of every run beside it. A finding that not every run has is left
 * out, as nothing can be said about whether it holds.
 */
export function overRuns(runs: readonly (readonly Finding[])[]): Finding[] {
  const [first = []] = runs;
  if (runs.length < 2) return [...first];
  return first.flatMap((finding) => {
    const same = runs.flatMap((findings) => findings.find(({ what }) => what === finding.what) ?? []);
    return same.length === runs.length ? [overFindings(finding, same)] : [];
  });
}

function overFindings(first: Finding, same: readonly Finding[]): Finding {
  const { ceiling } = first;
  const ratios = same.flatMap(({ ratio }) => ratio ?? []);
  const must = (first.must ?? []).map((_, index) => middle(same.flatMap((finding) => finding.must?.[index] ?? [])));
  return {
    what: first.what,
    figures: medians(same.map(({ figures }) => figures)),
    ...(ceiling && {
      ceiling: {
        what: ceiling.what,
        figures: medians(same.flatMap((one) => (one.ceiling ? [one.ceiling.figures] : []))),
      },
    }),
    ...(ratios.length > 0 && { ratio: median(ratios), ratios }),
    ...(must.length > 0 && { must }),
  };
}

/** The run in the middle by what was got: whether it reached the bound is then the word of most of them. */
function middle(musts: readonly Must[]): Must {
  return [...musts].sort((a, b) => a.got - b.got)[musts.length >> 1]!;
}
