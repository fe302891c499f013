/**
 * The tables and functions of a cluster in PostgreSQL, made in a schema that `search_path` names.
 *
 * What must hold, and where: an append and a slice of pages take the shard's row FOR SHARE, a taking updates it. So each of them is
 * either carried out before a taking, or sees the new token and does nothing. Each statement of a function sees what was committed
 * before that statement (read committed), which is why a row that was waited for is read by a later one. The merged position has a
 * table of its own, so that a merge does not hold up appends. Nothing is updated once per record: under the snapshot of a dump the
 * versions of a row pile up.
 */
import { placesSql } from './places.js';

/** Number of what stands below. A store of another number is refused. */
export const tablesFormat = 1;

const tables = `
CREATE TABLE about (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  tables_format integer NOT NULL,
  format integer NOT NULL,
  shards integer NOT NULL,
  identity text NOT NULL,
  secret text NOT NULL,
  id_key text NOT NULL,
  created_at bigint NOT NULL,
  -- Where all of this is: a dump that is restored comes with what was there before.
  database_oid oid NOT NULL,
  system text
);
CREATE TABLE shard (
  shard integer PRIMARY KEY,
  owner uuid,
  token uuid NOT NULL,
  epoch bigint NOT NULL,
  -- Another after each loss of commits, and in a restored dump: numbers of events of two timelines do not stand for the same events.
  timeline integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
CREATE TABLE merged (
  shard integer PRIMARY KEY,
  position bigint NOT NULL,
  slice uuid
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
CREATE TABLE log (
  shard integer NOT NULL,
  position bigint NOT NULL,
  id uuid NOT NULL,
  previous uuid,
  bytes bytea NOT NULL,
  PRIMARY KEY (shard, position)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 50000);
ALTER TABLE log ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE TABLE page (
  shard integer NOT NULL,
  tree text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (shard, tree, key)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 50000);
ALTER TABLE page ALTER COLUMN value SET STORAGE EXTERNAL;
CREATE TABLE claim (
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  slot bigint NOT NULL,
  digest text NOT NULL,
  expires_at bigint,
  PRIMARY KEY (kind, name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
CREATE TABLE node (
  node uuid PRIMARY KEY,
  beat bigint NOT NULL DEFAULT 0,
  address text NOT NULL,
  format integer NOT NULL,
  dead boolean NOT NULL DEFAULT false,
  dead_since timestamptz,
  leaving boolean NOT NULL,
  facts text NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
CREATE TABLE settings (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version bigint NOT NULL,
  id uuid NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE setting (
  name text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);
CREATE TABLE job_types (
  digest text COLLATE "C" PRIMARY KEY,
  declared text NOT NULL,
  declared_at timestamptz NOT NULL DEFAULT now()
);
CREATE SEQUENCE bulk;
`;

const appending = `
CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE
  AS 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

CREATE FUNCTION append(p_shard integer, p_token uuid, p_position bigint, p_id uuid, p_previous uuid, p_bytes bytea,
  p_claims jsonb, p_released jsonb, p_give_to uuid, p_next_token uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_id uuid;
  v_count integer;
  v_claimed boolean := false;
BEGIN
  IF p_give_to IS NULL THEN
    PERFORM 1 FROM shard WHERE shard = p_shard AND token = p_token FOR SHARE;
    IF NOT FOUND THEN RETURN 'fenced'; END IF;
  ELSE
    -- Locked as strongly as it is changed below, so that two of these do not wait for each other.
    PERFORM 1 FROM shard WHERE shard = p_shard AND token = p_token FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      -- A lock is written, so this is answered only once a synchronous standby has all that is before it: the record, too. Above, and
      -- wherever something that was sent again is found, the lock of the shard does that.
      PERFORM 1 FROM log WHERE shard = p_shard AND position = p_position AND id = p_id FOR SHARE;
      RETURN CASE WHEN FOUND THEN 'done' ELSE 'fenced' END;
    END IF;
  END IF;

  SELECT id INTO v_id FROM log WHERE shard = p_shard AND position = p_position;
  IF FOUND THEN RETURN CASE WHEN v_id = p_id THEN 'done' ELSE 'rewound' END; END IF;
  IF p_previous IS NULL THEN
    PERFORM 1 FROM log WHERE shard = p_shard LIMIT 1;
    IF FOUND OR p_position <> 1 THEN RETURN 'rewound'; END IF;
  ELSE
    PERFORM 1 FROM log WHERE shard = p_shard AND position = p_position - 1 AND id = p_previous;
    IF NOT FOUND THEN RETURN 'rewound'; END IF;
  END IF;

  IF p_claims IS NOT NULL OR p_released IS NOT NULL THEN
    BEGIN
      -- Rows are locked in the order of names, so that appends of several shards do not wait in a circle.
      WITH held AS MATERIALIZED (
        SELECT c.kind, c.name FROM claim c
        JOIN jsonb_to_recordset(p_released) AS r(kind text, name text) ON c.kind = r.kind AND c.name = r.name
        WHERE c.shard = p_shard ORDER BY c.kind, c.name FOR UPDATE OF c
      ) DELETE FROM claim c USING held h WHERE c.kind = h.kind AND c.name = h.name;
      INSERT INTO claim (kind, name, shard, slot, digest, expires_at)
        SELECT kind, name, shard, slot, digest, "expiresAt" FROM jsonb_to_recordset(p_claims)
          AS n(kind text, name text, shard integer, slot bigint, digest text, "expiresAt" bigint)
        ORDER BY kind COLLATE "C", name COLLATE "C"
      ON CONFLICT (kind, name) DO UPDATE
        SET shard = excluded.shard, slot = excluded.slot, digest = excluded.digest, expires_at = excluded.expires_at
        WHERE (claim.shard = excluded.shard AND claim.slot = excluded.slot) OR claim.expires_at <= now_ms()
          OR claim.digest = 'ending';
      GET DIAGNOSTICS v_count = ROW_COUNT;
      IF v_count < jsonb_array_length(p_claims) THEN RAISE EXCEPTION 'claimed' USING ERRCODE = 'ESC01'; END IF;
    EXCEPTION WHEN SQLSTATE 'ESC01' THEN
      v_claimed := true;
    END;
  END IF;
  IF v_claimed THEN
    RETURN (
      SELECT coalesce(json_agg(json_build_object('kind', c.kind, 'name', c.name, 'shard', c.shard, 'slot', c.slot,
        'digest', c.digest, 'expiresAt', c.expires_at) ORDER BY c.kind, c.name), '[]')
      FROM claim c JOIN jsonb_to_recordset(p_claims) AS n(kind text, name text, shard integer, slot bigint)
        ON c.kind = n.kind AND c.name = n.name
      WHERE NOT (c.shard = n.shard AND c.slot = n.slot) AND (c.expires_at IS NULL OR c.expires_at > now_ms())
        AND c.digest <> 'ending' AND NOT (c.shard = p_shard AND EXISTS (
          SELECT 1 FROM jsonb_to_recordset(p_released) AS r(kind text, name text) WHERE r.kind = c.kind AND r.name = c.name))
    );
  END IF;

  INSERT INTO log (shard, position, id, previous, bytes) VALUES (p_shard, p_position, p_id, p_previous, p_bytes)
    ON CONFLICT (shard, position) DO NOTHING;
  IF NOT FOUND THEN
    -- The same record, sent before, was carried out meanwhile; or the log goes on without this one.
    SELECT id INTO v_id FROM log WHERE shard = p_shard AND position = p_position;
    RETURN CASE WHEN v_id = p_id THEN 'done' ELSE 'rewound' END;
  END IF;
  IF p_give_to IS NOT NULL THEN
    UPDATE shard SET owner = p_give_to, token = p_next_token, epoch = epoch + 1 WHERE shard = p_shard;
  END IF;
  RETURN 'done';
END $$;
`;

const naming = `
CREATE FUNCTION holders(p_names jsonb) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(json_agg(json_build_object('kind', c.kind, 'name', c.name, 'shard', c.shard, 'slot', c.slot,
    'digest', c.digest, 'expiresAt', c.expires_at) ORDER BY c.kind, c.name), '[]')::text
  FROM claim c JOIN jsonb_to_recordset(p_names) AS n(kind text, name text) ON c.kind = n.kind AND c.name = n.name
  WHERE c.expires_at IS NULL OR c.expires_at > now_ms()
$$;
`;

const merging = `
CREATE FUNCTION write_pages(p_shard integer, p_token uuid, p_id uuid, p_previous uuid, p_last bigint, p_last_id uuid,
  p_trees text[], p_keys bytea[], p_values bytea[], p_merged bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_slice uuid;
BEGIN
  PERFORM 1 FROM shard WHERE shard = p_shard AND token = p_token FOR SHARE;
  IF NOT FOUND THEN RETURN 'fenced'; END IF;
  SELECT slice INTO v_slice FROM merged WHERE shard = p_shard FOR UPDATE;
  IF v_slice = p_id THEN RETURN 'done'; END IF;
  IF v_slice IS DISTINCT FROM p_previous THEN RETURN 'rewound'; END IF;
  IF p_last IS NOT NULL THEN
    PERFORM 1 FROM log WHERE shard = p_shard AND position = p_last AND id = p_last_id;
    IF NOT FOUND THEN RETURN 'rewound'; END IF;
  END IF;
  INSERT INTO page (shard, tree, key, value)
    SELECT p_shard, c.tree, c.key, c.value FROM unnest(p_trees, p_keys, p_values) AS c(tree, key, value)
    WHERE c.value IS NOT NULL
  ON CONFLICT (shard, tree, key) DO UPDATE SET value = excluded.value;
  IF array_position(p_values, NULL) IS NOT NULL THEN
    DELETE FROM page p USING unnest(p_trees, p_keys, p_values) AS c(tree, key, value)
      WHERE c.value IS NULL AND p.shard = p_shard AND p.tree = c.tree AND p.key = c.key;
  END IF;
  UPDATE merged SET position = coalesce(p_merged, position), slice = p_id WHERE shard = p_shard;
  RETURN 'done';
END $$;

CREATE FUNCTION trim_log(p_shard integer, p_token uuid, p_before bigint, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_count integer;
  v_end bigint;
BEGIN
  PERFORM 1 FROM shard WHERE shard = p_shard AND token = p_token FOR SHARE;
  IF NOT FOUND THEN RETURN -1; END IF;
  SELECT least(p_before, (SELECT position + 1 FROM merged WHERE shard = p_shard),
    (SELECT max(position) FROM log WHERE shard = p_shard)) INTO v_end;
  DELETE FROM log WHERE shard = p_shard AND position IN (
    SELECT position FROM log WHERE shard = p_shard AND position < v_end ORDER BY position LIMIT p_limit);
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END $$;
`;

const leasing = `
CREATE FUNCTION shard_rows() RETURNS json LANGUAGE sql STABLE AS $$
  SELECT coalesce(json_agg(json_build_object('shard', s.shard, 'owner', s.owner, 'token', s.token, 'epoch', s.epoch,
    'timeline', s.timeline, 'merged', m.position) ORDER BY s.shard), '[]') FROM shard s JOIN merged m USING (shard)
$$;

CREATE FUNCTION beat(p_node uuid, p_seen bigint, p_leaving boolean, p_facts text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  v_beat bigint;
  v_done boolean;
BEGIN
  UPDATE node SET beat = beat + 1, leaving = coalesce(p_leaving, leaving), facts = coalesce(p_facts, facts)
    WHERE node = p_node AND NOT dead AND beat >= p_seen RETURNING beat INTO v_beat;
  v_done := FOUND;
  RETURN json_build_object('end', CASE WHEN v_done THEN 'done' ELSE 'dead' END,
    'beat', coalesce(v_beat, (SELECT n.beat FROM node n WHERE n.node = p_node), 0),
    'ends', (SELECT coalesce(json_agg(json_build_object('shard', l.shard, 'position', l.position, 'id', l.id)), '[]')
      FROM shard s CROSS JOIN LATERAL (
        SELECT g.shard, g.position, g.id FROM log g WHERE g.shard = s.shard ORDER BY g.position DESC LIMIT 1) l
      WHERE s.owner = p_node),
    'shards', shard_rows(),
    'now', now_ms());
END $$;

CREATE FUNCTION take(p_shard integer, p_old uuid, p_new uuid, p_owner uuid) RETURNS json
  LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
DECLARE
  v_row json;
BEGIN
  UPDATE shard s SET owner = p_owner, token = p_new, epoch = epoch + 1 WHERE s.shard = p_shard AND s.token = p_old
    RETURNING json_build_object('shard', s.shard, 'owner', s.owner, 'token', s.token, 'epoch', s.epoch,
      'timeline', s.timeline, 'merged', (SELECT m.position FROM merged m WHERE m.shard = s.shard)) INTO v_row;
  RETURN v_row;
END $$;

CREATE FUNCTION begin_timeline(p_shard integer, p_old uuid, p_new uuid) RETURNS boolean
  LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
BEGIN
  UPDATE shard SET token = p_new, epoch = epoch + 1, timeline = 1 + floor(random() * 2147483646)::integer
    WHERE shard = p_shard AND token = p_old;
  RETURN FOUND;
END $$;

CREATE FUNCTION begin_timelines() RETURNS void LANGUAGE sql AS $$
  UPDATE shard SET token = gen_random_uuid(), epoch = epoch + 1, timeline = 1 + floor(random() * 2147483646)::integer
$$;
`;

const setting = `
CREATE FUNCTION stored_settings(p_known uuid) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object('version', s.version, 'id', s.id, 'rows', (
      SELECT coalesce(json_agg(json_build_object('name', r.name, 'value', r.value) ORDER BY r.name), '[]') FROM setting r))
  FROM settings s WHERE s.id IS DISTINCT FROM p_known
$$;

CREATE FUNCTION change_settings(p_id uuid, p_before uuid, p_rows jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_id uuid;
BEGIN
  SELECT id INTO v_id FROM settings FOR UPDATE;
  IF v_id = p_id THEN RETURN 'done'; END IF;
  IF v_id <> p_before THEN RETURN 'overtaken'; END IF;
  DELETE FROM setting s USING jsonb_to_recordset(p_rows) AS r(name text, value text)
    WHERE s.name = r.name AND r.value IS NULL;
  INSERT INTO setting (name, value) SELECT name, value FROM jsonb_to_recordset(p_rows) AS r(name text, value text)
    WHERE value IS NOT NULL
  ON CONFLICT (name) DO UPDATE SET value = excluded.value;
  UPDATE settings SET version = version + 1, id = p_id;
  RETURN 'done';
END $$;

CREATE FUNCTION declare_types(p_digest text, p_declared text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM job_types t WHERE t.declared_at < now() - interval '1 day' AND t.digest <> p_digest
    AND NOT EXISTS (SELECT 1 FROM node n WHERE NOT n.dead AND strpos(n.facts, t.digest) > 0);
  INSERT INTO job_types (digest, declared) VALUES (p_digest, p_declared)
    ON CONFLICT (digest) DO UPDATE SET declared_at = now();
END $$;
`;

/** All of it, as one text of several statements. */
export const schemaSql = [tables, appending, naming, merging, leasing, setting, placesSql].join('');
