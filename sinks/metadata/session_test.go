package metadata

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// exercise uses an empty database in every way that a recorder does.
func exercise(t *testing.T, driver, dsn string) {
	t.Helper()
	dir := t.TempDir()
	c := openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: dir})
	ready(t, c.Catalogue)
	streams := []string{"live/a", "live/A", "live/a ", "live/ä'\"\\%_", "liveįx/a", "live2/a"}
	var recs []media.Recording
	for n, stream := range streams {
		rec := sample(n, stream)
		rec.Events = []media.Event{anEvent(n, stream)}
		growing := rec
		growing.State, growing.EndUTC, growing.EndReason = media.StateRecording, 0, ""
		put(t, c, growing, rec)
		recs = append([]media.Recording{rec}, recs...)
	}
	ready(t, c.Catalogue)
	c.close()
	c = openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: dir}) // it reads the applied migrations
	ready(t, c.Catalogue)
	require.Equal(t, recs, all(t, c, media.Query{Limit: 2}))
	for n, stream := range streams {
		require.Equal(t, []media.Recording{recs[len(recs)-1-n]}, all(t, c, media.Query{Stream: stream}), "%q", stream)
		events, err := c.Events(t.Context(), media.EventQuery{Stream: stream})
		require.NoError(t, err)
		require.Len(t, events.Events, 1, "%q", stream)
		require.Equal(t, anEvent(n, stream), events.Events[0].Event)
		require.Equal(t, recs[len(recs)-1-n].ID, events.Events[0].Recordings[0].ID)
		events, err = c.Events(t.Context(), media.EventQuery{Key: "key of " + stream})
		require.NoError(t, err)
		require.Len(t, events.Events, 1, "%q", stream)
	}
	require.Len(t, all(t, c, media.Query{Stream: "live/*"}), 4)
	require.Equal(t, recs[1:3], all(t, c, media.Query{Start: time.Unix(0, recs[2].StartUTC), End: time.Unix(0, recs[1].EndUTC)}))
	_, err := c.SetProtected(t.Context(), recs[0].ID, true)
	require.NoError(t, err)
	_, err = c.Delete(t.Context(), recs[1].ID)
	require.NoError(t, err)
	lost := recs[2]
	lost.State = media.StateLost
	put(t, c, lost)
	ready(t, c.Catalogue)
	kept, err := c.Upkeep(t.Context(), UpkeepOptions{KeepEvents: time.Nanosecond, KeepLost: time.Nanosecond})
	require.NoError(t, err)
	require.Equal(t, UpkeepReport{Events: 2, Lost: 1}, kept)
	ready(t, c.Catalogue)
	yes := true
	require.Equal(t, []media.ID{recs[0].ID}, ids(all(t, c, media.Query{Protected: &yes})))
	require.Equal(t, ids(append(recs[:1:1], recs[3:]...)), ids(all(t, c, media.Query{Limit: 1})))
	s := c.Stats()
	require.Zero(t, s.Refused, s.AsideError)
	require.Empty(t, s.LastError)
}

func anEvent(n int, stream string) media.Event {
	at := base.Add(time.Duration(n) * time.Minute).UnixNano()
	return media.Event{ID: media.ID{1, byte(n)}, Key: "key of " + stream, Name: `it's "\n" ` + stream, AtUTC: at, StartUTC: at - 1, EndUTC: at + 1,
		ActualUTC: at, Data: []byte(`"\\ '\" 日本"`)}
}

func ids(recs []media.Recording) (out []media.ID) {
	for _, r := range recs {
		out = append(out, r.ID)
	}
	return out
}

// sqlDB opens a database with the plain driver.
func sqlDB(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	name := map[string]string{"postgres": "pgx", "mysql": "mysql", "sqlite": "sqlite"}[driver]
	db, err := sql.Open(name, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := db.ExecContext(context.Background(), s)
		require.NoError(t, err, s)
	}
}

// show runs a query in a session of the catalogue and returns one text.
func show(t *testing.T, c opened, question string) (text string) {
	t.Helper()
	require.NoError(t, c.store.Load().RO.NewRaw(question).Scan(t.Context(), &text))
	return text
}

// TestPostgresSessionsOfAnyKind sets defaults of the database, which new sessions would inherit.
func TestPostgresSessionsOfAnyKind(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]string{
		"format": {"DateStyle = 'German, DMY'", "IntervalStyle = 'sql_standard'", "TimeZone = 'Asia/Kathmandu'", "bytea_output = 'escape'",
			"extra_float_digits = -15", "standard_conforming_strings = off", "backslash_quote = off", "client_encoding = 'LATIN1'", "lc_messages = 'C'"},
		"transactions": {"default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on", "synchronous_commit = off"},
		"timeouts":     {"statement_timeout = '50ms'", "lock_timeout = 1", "idle_in_transaction_session_timeout = 1"},
		"schema":       {`search_path = nowhere, app, public`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := servers.Fresh(t, "postgres")
			u, err := url.Parse(dsn)
			require.NoError(t, err)
			db := sqlDB(t, "postgres", dsn)
			run(t, db, "CREATE SCHEMA app")
			for _, s := range settings {
				run(t, db, "ALTER DATABASE "+strings.Trim(u.Path, "/")+" SET "+s)
			}
			exercise(t, "postgres", dsn)
			require.Equal(t, "0", show(t, open(t, "postgres", dsn), "SHOW statement_timeout"))
		})
	}
	for name, c := range map[string]struct{ before, after, schema string }{
		"names no schema":        {"nowhere", "nowhere", "public"},
		"of the system alone":    {"pg_catalog", "pg_catalog", "public"},
		"becomes no schema":      {"public", "nowhere", "public"},
		"becomes another schema": {"public", "app", "public"},
		"gets another before":    {"public", "app, public", "public"},
		"gets public before":     {"app", "public, app", "app"},
	} {
		t.Run("a search_path that "+name, func(t *testing.T) {
			t.Parallel()
			dsn := servers.Fresh(t, "postgres")
			u, err := url.Parse(dsn)
			require.NoError(t, err)
			db := sqlDB(t, "postgres", dsn)
			alter := "ALTER DATABASE " + strings.Trim(u.Path, "/") + " SET search_path = "
			run(t, db, "CREATE SCHEMA app", alter+c.before)
			first := open(t, "postgres", dsn)
			put(t, first, sample(1, "live/a"))
			require.NoError(t, first.Flush(t.Context()))
			first.close()
			run(t, db, alter+c.after)
			second := open(t, "postgres", dsn)
			put(t, second, sample(2, "live/a"))
			require.NoError(t, second.Flush(t.Context()))
			require.Len(t, all(t, second, media.Query{}), 2)
			require.Equal(t, c.schema, show(t, second, "SELECT string_agg(schemaname, ' ') FROM pg_tables WHERE tablename = 'spool_recordings'"))
		})
	}
	t.Run("a setting of the DSN stays", func(t *testing.T) {
		dsn := servers.Fresh(t, "postgres")
		run(t, sqlDB(t, "postgres", dsn), "CREATE SCHEMA app")
		dsn += "&search_path=app&TimeZone=Asia/Tokyo&statement_timeout=59s&DateStyle=German&options=-c%20lock_timeout%3D58s"
		exercise(t, "postgres", dsn)
		c := open(t, "postgres", dsn)
		for name, want := range map[string]string{"search_path": "app", "TimeZone": "Asia/Tokyo", "statement_timeout": "59s", "lock_timeout": "58s", "DateStyle": "ISO, MDY"} {
			require.Equal(t, want, show(t, c, "SHOW "+name), name)
		}
		require.Equal(t, "app", show(t, c, "SELECT schemaname FROM pg_tables WHERE tablename = 'spool_recordings'"))
	})
}

// TestMySQLSessionsOfAnyKind sets defaults of the server, which new sessions would inherit.
func TestMySQLSessionsOfAnyKind(t *testing.T) {
	for name, settings := range map[string][]string{
		"sql_mode": {"sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH,NO_ZERO_DATE,NO_ZERO_IN_DATE,ONLY_FULL_GROUP_BY,HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION'"},
		"no mode":  {"sql_mode = ''", "time_zone = '+05:45'", "character_set_server = latin1", "collation_server = latin1_german2_ci", "character_set_client = latin1", "collation_connection = latin1_general_ci"},
		"transactions": {"autocommit = 0", "completion_type = 1", "tx_isolation = 'SERIALIZABLE'", "default_storage_engine = MyISAM",
			"idle_transaction_timeout = 1", "wait_timeout = 1"},
		"limits": {"sql_safe_updates = 1", "sql_select_limit = 1", "max_statement_time = 0.0001", "max_join_size = 1", "sql_auto_is_null = 1"},
	} {
		t.Run(name, func(t *testing.T) {
			dsn := servers.Fresh(t, "mysql")
			admin := sqlDB(t, "mysql", dsn)
			admin.SetMaxOpenConns(1)
			if name == "no mode" {
				run(t, admin, "ALTER DATABASE "+dsn[strings.LastIndexByte(dsn, '/')+1:]+" CHARACTER SET latin1 COLLATE latin1_swedish_ci")
			}
			for _, s := range settings {
				variable, _, _ := strings.Cut(s, " ")
				var before string
				require.NoError(t, admin.QueryRowContext(t.Context(), "SELECT @@GLOBAL."+variable).Scan(&before))
				defer func() {
					_, err := admin.ExecContext(context.Background(), "SET GLOBAL "+variable+" = CAST(? AS CHAR)", before)
					if err != nil { // the variable takes a number
						_, err = admin.ExecContext(context.Background(), "SET GLOBAL "+variable+" = "+before)
					}
					require.NoError(t, err)
				}()
				run(t, admin, "SET GLOBAL "+s)
			}
			exercise(t, "mysql", dsn)
			c := open(t, "mysql", dsn)
			require.Equal(t, "NO_CHAIN 1 18446744073709551615 +00:00 utf8mb4 REPEATABLE-READ", show(t, c,
				"SELECT CONCAT_WS(' ', @@completion_type, @@autocommit + 0, @@sql_select_limit, @@time_zone, @@character_set_client, @@tx_isolation)"))
		})
	}
	t.Run("a setting of the DSN stays", func(t *testing.T) {
		dsn := servers.Fresh(t, "mysql") + "?wait_timeout=77&transaction_isolation=%27READ-COMMITTED%27&sql_mode=%27ANSI_QUOTES%27&charset=latin1&maxAllowedPacket=100000"
		dsn = strings.Replace(dsn, "transaction_isolation", "tx_isolation", 1) // MariaDB's name
		exercise(t, "mysql", dsn)
		c := open(t, "mysql", dsn)
		for name, want := range map[string]string{"wait_timeout": "77", "tx_isolation": "READ-COMMITTED", "character_set_client": "utf8mb4", "completion_type": "NO_CHAIN"} {
			require.Equal(t, want, show(t, c, "SELECT @@"+name), name)
		}
	})
}

// TestSQLiteOfAnyKind opens databases that were created, or are opened, with other settings.
func TestSQLiteOfAnyKind(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before []string // statements on the new file
		query  string   // in the DSN
	}{
		"UTF-16":    {before: []string{"PRAGMA encoding = 'UTF-16le'", "CREATE TABLE other (a)"}},
		"pages":     {before: []string{"PRAGMA page_size = 512", "PRAGMA auto_vacuum = FULL", "PRAGMA user_version = 7", "CREATE TABLE other (a)"}},
		"journal":   {query: "?_pragma=journal_mode(DELETE)&_pragma=synchronous(EXTRA)&_pragma=foreign_keys(1)"},
		"behaviour": {query: "?_pragma=case_sensitive_like(1)&_pragma=recursive_triggers(1)&_pragma=reverse_unordered_selects(1)&_pragma=temp_store(2)"},
		"locking":   {query: "?_pragma=locking_mode(EXCLUSIVE)&_txlock=deferred"},
		"times":     {query: "?_time_format=sqlite&_timezone=Asia/Kathmandu&_inttotime=1"},
		"shared":    {query: "?cache=shared"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := servers.Fresh(t, "sqlite")
			db := sqlDB(t, "sqlite", dsn)
			db.SetMaxOpenConns(1)
			run(t, db, tc.before...)
			require.NoError(t, db.Close())
			exercise(t, "sqlite", dsn+tc.query)
		})
	}
}
