/**
 * The tables and the function of limits over nodes. A type has one row, which is locked while its places are given; each node has a row
 * beside it with what it uses and what waits there. What counts is those of nodes that live, so a dead one's places are free with its row.
 * A group without a name is the empty string here.
 */

const tables = `
CREATE TABLE limited (
  type text COLLATE "C" PRIMARY KEY,
  turn bigint NOT NULL DEFAULT 0,
  turns jsonb NOT NULL DEFAULT '{}',
  rate text,
  next_start double precision NOT NULL DEFAULT 0,
  last_start double precision NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE TABLE place (
  type text COLLATE "C" NOT NULL,
  node uuid NOT NULL REFERENCES node ON DELETE CASCADE,
  asked bigint NOT NULL,
  at double precision NOT NULL,
  uses jsonb NOT NULL,
  heads jsonb NOT NULL,
  PRIMARY KEY (type, node)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX place_node ON place (node);
`;

/** What waits on another node and was not asked for again for so long does not come first any more, in milliseconds. */
const headsLastMs = 1_000;

/** So old what waits is noted anew, though nothing is free. */
const notedAfterMs = 600;

const asking = `
CREATE FUNCTION clock_ms() RETURNS double precision LANGUAGE sql VOLATILE
  AS 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision';

CREATE FUNCTION ask_places(p_node uuid, p_asked bigint, p_asks jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_ask jsonb;
  v_type text;
  v_limited limited;
  v_now double precision;
  v_used bigint;
  v_groups jsonb;
  v_free double precision;
  v_gap double precision;
  v_tolerance double precision;
  v_next double precision;
  v_given jsonb;
  v_heads jsonb;
  v_count bigint;
  v_others jsonb;
  v_turns jsonb;
  v_answers jsonb := '[]';
BEGIN
  PERFORM 1 FROM node WHERE node = p_node AND NOT dead;
  IF NOT FOUND THEN RETURN NULL; END IF;
  -- Rows are locked in the order of types, so that nodes do not wait in a circle.
  FOR v_ask IN SELECT a FROM jsonb_array_elements(p_asks) AS a ORDER BY a->>'type' COLLATE "C" LOOP
    v_type := v_ask->>'type';
    IF (v_ask->>'again')::boolean AND v_ask->>'concurrency' IS NOT NULL AND v_ask->>'pace' IS NULL THEN
      -- Most asks come in vain: these lock and write nothing.
      SELECT coalesce(sum(u.count), 0), coalesce(jsonb_object_agg(u.name, u.count), '{}') INTO v_used, v_groups FROM (
        SELECT coalesce(use->>0, '') AS name, sum((use->>1)::bigint) AS count
        FROM place p JOIN node n ON n.node = p.node CROSS JOIN jsonb_array_elements(p.uses) AS use
        WHERE p.type = v_type AND NOT n.dead GROUP BY 1) AS u;
      PERFORM 1 FROM place WHERE type = v_type AND node = p_node AND asked < p_asked AND at > clock_ms() - ${notedAfterMs}
        AND v_used >= (v_ask->>'concurrency')::bigint;
      IF FOUND THEN
        v_answers := v_answers || jsonb_build_object('type', v_type, 'used', v_used, 'given', '[]'::jsonb, 'startsIn', NULL, 'next', '[]'::jsonb,
          'groups', (SELECT coalesce(jsonb_agg(jsonb_build_array(nullif(g.name, ''), coalesce((v_groups->>g.name)::bigint, 0))
              ORDER BY g.name COLLATE "C"), '[]')
            FROM (SELECT DISTINCT coalesce(h->>'group', '') AS name FROM jsonb_array_elements(v_ask->'heads') AS h) AS g));
        CONTINUE;
      END IF;
    END IF;
    SELECT * INTO v_limited FROM limited WHERE type = v_type FOR UPDATE;
    IF NOT FOUND THEN
      INSERT INTO limited (type) VALUES (v_type) ON CONFLICT (type) DO NOTHING;
      SELECT * INTO v_limited FROM limited WHERE type = v_type FOR UPDATE;
    END IF;
    -- One that is late says how things were.
    PERFORM 1 FROM place WHERE type = v_type AND node = p_node AND asked >= p_asked;
    CONTINUE WHEN FOUND;
    v_now := clock_ms();
    INSERT INTO place (type, node, asked, at, uses, heads)
      VALUES (v_type, p_node, p_asked, v_now, v_ask->'uses', v_ask->'heads')
    ON CONFLICT (type, node) DO UPDATE
      SET asked = excluded.asked, at = excluded.at, uses = excluded.uses, heads = excluded.heads;

    SELECT coalesce(sum(u.count), 0), coalesce(jsonb_object_agg(u.name, u.count), '{}') INTO v_used, v_groups FROM (
      SELECT coalesce(use->>0, '') AS name, sum((use->>1)::bigint) AS count
      FROM place p JOIN node n ON n.node = p.node CROSS JOIN jsonb_array_elements(p.uses) AS use
      WHERE p.type = v_type AND NOT n.dead GROUP BY 1) AS u;
    v_free := coalesce((v_ask->>'concurrency')::double precision, 'Infinity') - v_used;
    v_next := NULL;
    IF v_ask->>'pace' IS NOT NULL THEN
      v_gap := (v_ask#>>'{pace,gapMs}')::double precision;
      v_tolerance := (v_ask#>>'{pace,toleranceMs}')::double precision;
      IF v_limited.rate IS DISTINCT FROM v_ask#>>'{pace,rate}' THEN
        -- Nothing is known of the starts before there was a rate: now counts as one.
        IF v_limited.rate IS NULL THEN v_limited.last_start := v_now; END IF;
        v_limited.next_start := v_limited.last_start + v_gap + v_tolerance;
      END IF;
      v_next := greatest(v_now, v_limited.next_start);
      v_free := least(v_free, CASE WHEN v_next - v_tolerance > v_now THEN 0
        ELSE floor((v_now + v_tolerance - v_next) / v_gap) + 1 END);
    END IF;

    -- All that waits, of all nodes, in the order in which it would start. In a priority each group has one before another has a second.
    WITH waiting AS (
      SELECT p.node, p.node = p_node AS own, h.place AS head, coalesce(h.head->>'group', '') AS name, (h.head->>'suspect')::boolean AS suspect,
        (h.head->>'priority')::bigint AS priority, (h.head->>'due')::double precision AS due,
        (h.head->>'number')::double precision AS number, k
      FROM place p JOIN node n ON n.node = p.node
        CROSS JOIN jsonb_array_elements(p.heads) WITH ORDINALITY AS h(head, place)
        CROSS JOIN generate_series(1, (h.head->>'jobs')::integer) AS k
      WHERE v_free >= 1 AND p.type = v_type AND NOT n.dead AND (p.node = p_node OR p.at > v_now - ${headsLastMs})
    ), in_groups AS (
      SELECT *, row_number() OVER (PARTITION BY name ORDER BY suspect DESC, priority DESC, k, due, number) AS in_group,
        row_number() OVER (PARTITION BY name, suspect, priority ORDER BY k, due, number) AS in_turn
      FROM waiting
    ), in_line AS (
      SELECT node, own, head, name, row_number() OVER (ORDER BY suspect DESC, priority DESC, in_turn,
        coalesce((v_limited.turns->>name)::bigint, 0), due, number) AS position
      FROM in_groups
      WHERE in_group + coalesce((v_groups->>name)::bigint, 0)
        <= coalesce((v_ask->>'groupConcurrency')::double precision, 'Infinity')
    ), own AS (
      SELECT head, name FROM in_line WHERE own AND position <= v_free
    )
    SELECT (SELECT count(*) FROM own),
      (SELECT coalesce(jsonb_object_agg(g.name, g.count), '{}') FROM (SELECT name, count(*) FROM own GROUP BY name) AS g),
      (SELECT coalesce(jsonb_agg(jsonb_set(h.head, '{jobs}', to_jsonb((h.head->>'jobs')::bigint - coalesce(o.count, 0)))
          ORDER BY h.place) FILTER (WHERE (h.head->>'jobs')::bigint > coalesce(o.count, 0)), '[]')
        FROM jsonb_array_elements(v_ask->'heads') WITH ORDINALITY AS h(head, place)
        LEFT JOIN (SELECT head, count(*) FROM own GROUP BY head) AS o ON o.head = h.place),
      (SELECT coalesce(jsonb_agg(DISTINCT node), '[]') FROM in_line WHERE NOT own AND position <= v_free)
      INTO v_count, v_given, v_heads, v_others;

    IF v_count > 0 THEN
      -- Turns are kept of groups of which something waits or runs.
      SELECT coalesce(jsonb_object_agg(t.name, t.turn), '{}') INTO v_turns FROM (
        SELECT key AS name, value::bigint AS turn FROM jsonb_each_text(v_limited.turns)
          WHERE v_groups ? key AND NOT v_given ? key
            OR EXISTS (SELECT 1 FROM place p, jsonb_array_elements(p.heads) AS h
              WHERE p.type = v_type AND coalesce(h->>'group', '') = key) AND NOT v_given ? key
        UNION ALL SELECT key, v_limited.turn + row_number() OVER (ORDER BY key COLLATE "C") FROM jsonb_each(v_given)) AS t;
      v_limited.turns := v_turns;
      v_limited.turn := v_limited.turn + v_count;
      UPDATE place SET heads = v_heads, uses = (
        SELECT jsonb_agg(jsonb_build_array(nullif(u.name, ''), u.count)) FROM (
          SELECT a.name, sum(a.count) AS count FROM (
            SELECT coalesce(use->>0, '') AS name, (use->>1)::bigint AS count FROM jsonb_array_elements(v_ask->'uses') AS use
            UNION ALL SELECT key, value::bigint FROM jsonb_each_text(v_given)) AS a GROUP BY a.name) AS u)
        WHERE type = v_type AND node = p_node;
      IF v_next IS NOT NULL THEN
        v_limited.last_start := v_now;
        v_limited.next_start := v_next + v_count * v_gap + (v_ask#>>'{pace,extraMs}')::double precision;
      END IF;
    END IF;
    IF v_count > 0 OR v_limited.rate IS DISTINCT FROM v_ask#>>'{pace,rate}' THEN
      UPDATE limited SET turn = v_limited.turn, turns = v_limited.turns, rate = v_ask#>>'{pace,rate}',
        next_start = v_limited.next_start, last_start = v_limited.last_start WHERE type = v_type;
    END IF;

    v_answers := v_answers || jsonb_build_object('type', v_type, 'used', v_used + v_count,
      'given', (SELECT coalesce(jsonb_agg(jsonb_build_array(nullif(key, ''), value) ORDER BY key COLLATE "C"), '[]')
        FROM jsonb_each(v_given)), 'next', v_others,
      'groups', (SELECT coalesce(jsonb_agg(jsonb_build_array(nullif(g.name, ''),
          coalesce((v_groups->>g.name)::bigint, 0) + coalesce((v_given->>g.name)::bigint, 0)) ORDER BY g.name COLLATE "C"), '[]')
        FROM (SELECT DISTINCT coalesce(h->>'group', '') AS name FROM jsonb_array_elements(v_ask->'heads') AS h) AS g),
      'startsIn', CASE WHEN v_next IS NOT NULL AND v_limited.next_start - v_tolerance > v_now
        THEN v_limited.next_start - v_tolerance - v_now END);
  END LOOP;
  RETURN v_answers;
END $$;
`;

/** All of it, behind the table of nodes. */
export const placesSql = [tables, asking].join('');
