package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
)

// target is a database that has been named but not yet reached.
type target struct {
	driver  string
	secrets []string // what no log may show
	file    string   // of sqlite
	open    func(context.Context) (*store, error)
}

const (
	poolSize = 8 // connections of one recorder; its writer is one
	// connLifetime is how long a connection may lead elsewhere than its address does
	// by now: a name or an address moves to another server at a failover.
	connLifetime = time.Minute
	// openSuffix names the file that is locked, shared, by all who have the database
	// open: SQLite itself would not notice that its file gets another name.
	openSuffix = ".open"
)

// parseTarget reads the configuration and does no I/O. Its errors do not quote
// the DSN: it may hold a password.
func parseTarget(driver, dsn string) (*target, error) {
	switch driver {
	case "sqlite":
		return sqliteTarget(dsn)
	case "postgres":
		return postgresTarget(dsn)
	case "mysql":
		return mysqlTarget(dsn)
	}
	return nil, fmt.Errorf("database.driver is %.40q; it must be sqlite, postgres or mysql", driver)
}

func sqliteTarget(dsn string) (*target, error) {
	file, query, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
	if file == "" || strings.Contains(file, ":memory:") || strings.Contains(query, "mode=memory") {
		return nil, errors.New("database.dsn must be the path of a file for sqlite, such as ./recordings/spool.db")
	}
	if strings.HasPrefix(dsn, "file:") {
		plain, err := url.PathUnescape(file)
		if err != nil {
			return nil, errors.New("database.dsn is not a valid file: URI")
		}
		file = plain
	}
	// synchronous FULL: the journal forgets what a commit has taken.
	base := "_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_txlock=immediate"
	query = withoutLocking(query)
	if !strings.Contains(strings.ToLower(query), "journal") { // to go from one mode to another takes all connections but one away
		base += "&_journal_mode=WAL" // which comes after all pragmas
	}
	if query != "" {
		base += "&" + query
	}
	path := "file:" + (&url.URL{Path: file}).EscapedPath() + "?"
	open := func(ctx context.Context) (*store, error) {
		if err := durable.MkdirAll(durable.Disk{}, filepath.Dir(file), 0o750); err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
		alone := aloneIn(file)
		w, err := sql.Open("sqlite", path+base+alone)
		if err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
		w.SetMaxOpenConns(1)
		s := &store{driver: "sqlite", lockFile: file + ".migrate", oneHost: onThisMachine(filepath.Dir(file)), rw: bun.NewDB(w, sqlitedialect.New())}
		s.ro = s.rw
		if alone == "" {
			r, err := sql.Open("sqlite", path+base+"&_pragma=query_only(1)")
			if err != nil {
				return nil, errors.Join(fmt.Errorf("sqlite: %w", err), s.close())
			}
			r.SetMaxOpenConns(poolSize)
			r.SetConnMaxLifetime(connLifetime) // see store.anew
			s.ro = bun.NewDB(r, sqlitedialect.New())
		}
		s.unlock, err = filesystem.LockPathShared(file + openSuffix)
		if errors.Is(err, filesystem.ErrLocked) { // any other error: a file system without locks, where Rescue has none either
			return nil, errors.Join(fmt.Errorf("sqlite: %s is being made anew by spool reindex", file), s.close())
		}
		if s, err = s.begin(ctx); err != nil {
			return nil, err
		}
		var encoding string
		if err := s.ro.NewRaw("PRAGMA encoding").Scan(ctx, &encoding); err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.utf16 = encoding != "UTF-8"
		return s, nil
	}
	return &target{driver: "sqlite", file: file, open: open}, nil
}

// withoutLocking takes out of a DSN's query how the file is locked, which is decided here:
// the driver runs all pragmas in the order of the alphabet, so that one setting cannot
// override another. The journal's mode is set behind them, since it opens the file.
func withoutLocking(query string) string {
	given, err := url.ParseQuery(query)
	if err != nil || !given.Has("_pragma") {
		return query
	}
	given["_pragma"] = slices.DeleteFunc(given["_pragma"], func(p string) bool {
		name, value, _ := strings.Cut(strings.NewReplacer("(", "=", ")", "", " ", "").Replace(p), "=")
		if strings.EqualFold(name, "journal_mode") {
			given.Set("_journal_mode", strings.ToUpper(value))
			return true
		}
		return strings.EqualFold(name, "locking_mode")
	})
	return given.Encode()
}

func aloneIn(file string) string { return sqliteAlone(system.Sharing(filepath.Dir(file))) }

// sqliteAlone is what a connection is told where it cannot share the file with others:
// the file system has no shared memory, which the write-ahead log needs between
// connections, or no locks. It is then the only one.
func sqliteAlone(has filesystem.Sharing) string {
	switch {
	case !has.Locks:
		return "&vfs=unix-none&_pragma=locking_mode(EXCLUSIVE)"
	case !has.Memory:
		return "&_pragma=locking_mode(EXCLUSIVE)"
	}
	return ""
}

func postgresTarget(dsn string) (*target, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil || dsn == "" {
		return nil, errors.New("database.dsn cannot be read for postgres; write postgres://user:password@host:5432/database?sslmode=require")
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec // bun writes literals: a statement cache would only churn
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	connector := postgresConnector(cfg)
	open := func(ctx context.Context) (*store, error) {
		return pooled(ctx, "postgres", sql.OpenDB(connector))
	}
	return &target{driver: "postgres", secrets: nonEmpty(cfg.Password), open: open}, nil
}

func mysqlTarget(dsn string) (*target, error) {
	cfg, err := mysql.ParseDSN(strings.TrimPrefix(dsn, "mysql://"))
	if err != nil || cfg.DBName == "" {
		return nil, errors.New("database.dsn cannot be read for mysql; write user:password@tcp(host:3306)/database")
	}
	cfg.ParseTime, cfg.Loc, cfg.MultiStatements = true, time.UTC, false
	for _, t := range []*time.Duration{&cfg.Timeout, &cfg.ReadTimeout, &cfg.WriteTimeout} {
		if *t == 0 {
			*t = 15 * time.Second
		}
	}
	cfg.Timeout = min(cfg.Timeout, 5*time.Second)
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	// bun quotes with backslashes and backticks, and nothing may be cut silently.
	cfg.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
	if !strings.Contains(dsn, "maxAllowedPacket=") {
		cfg.MaxAllowedPacket = 0 // asks the server: what is too much is then said, and not cut off
	}
	cfg.Logger = &mysql.NopLogger{}
	connector, err := newMySQLConnector(cfg)
	if err != nil {
		return nil, errors.New("database.dsn cannot be used for mysql; write user:password@tcp(host:3306)/database")
	}
	open := func(ctx context.Context) (*store, error) {
		return pooled(ctx, "mysql", sql.OpenDB(connector))
	}
	return &target{driver: "mysql", secrets: nonEmpty(cfg.Passwd), open: open}, nil
}

// pooled reaches a server before bun does: bun asks MySQL for its version when
// it is made, and would fall back to the oldest.
func pooled(ctx context.Context, driver string, db *sql.DB) (*store, error) {
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	db.SetConnMaxLifetime(connLifetime)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", driver, err), db.Close())
	}
	var b *bun.DB
	if driver == "postgres" {
		b = bun.NewDB(db, pgdialect.New())
	} else {
		b = bun.NewDB(db, mysqldialect.New())
	}
	return (&store{driver: driver, rw: b, ro: b}).begin(ctx)
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s, url.QueryEscape(s), url.PathEscape(s)}
}

// The driver is used by its own name; the import that registers it must stay.
var _ = sqlite.Driver{}
