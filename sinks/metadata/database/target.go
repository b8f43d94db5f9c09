package database

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

	"github.com/gospool/spool/pipeline/filesystem"
)

// Target is the configuration of a database.
type Target struct {
	driver  string
	Secrets []string // texts that must not appear in logs, such as the password
	File    string   // path of the file; sqlite only
	Top     string   // no link is followed on the path to File below this directory; empty: File's directory
	// Open opens the database and brings its schema up to date. The caller closes the DB.
	Open func(context.Context) (*DB, error)
}

const (
	poolSize = 8 // most connections of a pool
	// connLifetime is the longest life of a connection. After a failover, when the server's
	// address leads to another server, the old server is used for that long at most.
	connLifetime = time.Minute
	// connectTimeout is the longest wait for a connection, unless the DSN sets another one.
	connectTimeout = 5 * time.Second
	// openSuffix names a file beside a SQLite database. Each process that has the database open
	// has a shared lock on it, so that Rescue does not replace a file that is in use.
	openSuffix = ".open"
)

// Parse returns the Target of a driver (sqlite, postgres or mysql) and its DSN. It performs no I/O. Its
// errors do not quote the DSN, which may contain a password.
func Parse(driver, dsn string) (*Target, error) {
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

func sqliteTarget(dsn string) (*Target, error) {
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
	// synchronous FULL: the journal forgets committed changes, which must survive a power cut.
	base := "_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_txlock=immediate"
	query = withoutLocking(query)
	if !strings.Contains(strings.ToLower(query), "journal") { // the user may have chosen another journal mode
		base += "&_journal_mode=WAL" // the driver sets it after all pragmas
	}
	if query != "" {
		base += "&" + query
	}
	path := "file:" + (&url.URL{Path: file}).EscapedPath() + "?"
	t := &Target{driver: "sqlite", File: file}
	t.Open = func(ctx context.Context) (*DB, error) {
		if err := t.prepare(); err != nil {
			return nil, err
		}
		wrapVFS()
		alone := aloneIn(file)
		w, err := sql.Open("sqlite", path+base+alone)
		if err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
		w.SetMaxOpenConns(1)
		s := &DB{Driver: "sqlite", own: t.own(), lockFile: file + migrateSuffix, OneHost: filesystem.OnThisMachine(filepath.Dir(file)), RW: bun.NewDB(w, sqlitedialect.New())}
		s.RO = s.RW
		if alone == "" {
			r, err := sql.Open("sqlite", path+base+"&_pragma=query_only(1)")
			if err != nil {
				return nil, errors.Join(fmt.Errorf("sqlite: %w", err), s.Close())
			}
			r.SetMaxOpenConns(poolSize)
			r.SetConnMaxLifetime(connLifetime) // see DB.Anew
			s.RO = bun.NewDB(r, sqlitedialect.New())
		}
		s.unlock, err = filesystem.LockPathShared(t.own(), file+openSuffix)
		// Another error means that the file system has no locks; Rescue then refuses to replace the file.
		if errors.Is(err, filesystem.ErrLocked) {
			return nil, errors.Join(fmt.Errorf("sqlite: %s is being rebuilt by spool reindex", file), s.Close())
		}
		if s, err = s.begin(ctx); err != nil {
			return nil, err
		}
		var encoding string
		if err := s.RO.NewRaw("PRAGMA encoding").Scan(ctx, &encoding); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.UTF16 = encoding != "UTF-8"
		return s, nil
	}
	return t, nil
}

// withoutLocking removes the pragma locking_mode from a DSN's query. This package chooses the mode,
// and could not override the user's, since the driver executes all pragmas in alphabetical order.
// withoutLocking also replaces the pragma journal_mode by the driver's parameter _journal_mode,
// which is set after all pragmas: setting it opens the file.
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

// System performs the system calls that some file systems do not support. Tests replace it before they
// open a database.
var System filesystem.Calls

// aloneIn returns the DSN parameters that a SQLite database at the path file needs because of its
// file system: see sqliteAlone.
func aloneIn(file string) string { return sqliteAlone(System.Sharing(filepath.Dir(file))) }

// sqliteAlone returns the DSN parameters for a file system on which two connections cannot share a
// SQLite database, so that one connection must use it alone. Such a file system has no locks, or no
// shared memory, which the write-ahead log needs. sqliteAlone returns "" if connections can share
// the database.
func sqliteAlone(has filesystem.Sharing) string {
	switch {
	case !has.Locks:
		return "&vfs=" + lockless + "&_pragma=locking_mode(EXCLUSIVE)"
	case !has.Memory:
		return "&_pragma=locking_mode(EXCLUSIVE)"
	}
	return ""
}

func postgresTarget(dsn string) (*Target, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil || dsn == "" {
		return nil, errors.New("database.dsn cannot be read for postgres; write postgres://user:password@host:5432/database?sslmode=require")
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec // no statement cache: bun writes the values into each statement
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	connector := postgresConnector(cfg)
	open := func(ctx context.Context) (*DB, error) {
		return pooled(ctx, "postgres", sql.OpenDB(connector))
	}
	// The error of a failed connection names the user.
	return &Target{driver: "postgres", Secrets: append(nonEmpty(cfg.Password), "user="+cfg.User+" "), Open: open}, nil
}

func mysqlTarget(dsn string) (*Target, error) {
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
	cfg.Timeout = min(cfg.Timeout, connectTimeout)
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	// bun quotes by backslashes and backticks, which other modes read differently. STRICT: the server must
	// refuse a value that is too long, and not shorten it.
	cfg.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
	if !strings.Contains(dsn, "maxAllowedPacket=") {
		cfg.MaxAllowedPacket = 0 // the driver reads the server's bound, and returns an error for a larger statement
	}
	cfg.Logger = &mysql.NopLogger{}
	connector, err := newMySQLConnector(cfg)
	if err != nil {
		return nil, errors.New("database.dsn cannot be used for mysql; write user:password@tcp(host:3306)/database")
	}
	open := func(ctx context.Context) (*DB, error) {
		return pooled(ctx, "mysql", sql.OpenDB(connector))
	}
	return &Target{driver: "mysql", Secrets: nonEmpty(cfg.Passwd), Open: open}, nil
}

// pooled returns the DB of a pool of connections to a server. It connects before it creates the
// bun.DB, which reads the version of a MySQL server and assumes the oldest version if it cannot
// connect.
func pooled(ctx context.Context, driver string, pool *sql.DB) (*DB, error) {
	pool.SetMaxOpenConns(poolSize)
	pool.SetMaxIdleConns(poolSize)
	pool.SetConnMaxLifetime(connLifetime)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", driver, err), pool.Close())
	}
	var b *bun.DB
	if driver == "postgres" {
		b = bun.NewDB(pool, pgdialect.New())
	} else {
		b = bun.NewDB(pool, mysqldialect.New())
	}
	return (&DB{Driver: driver, RW: b, RO: b}).begin(ctx)
}

// nonEmpty returns a secret in each form in which a text may contain it: as it is, and escaped as
// in URLs. It returns nil for an empty secret.
func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s, url.QueryEscape(s), url.PathEscape(s)}
}

// The import registers the driver "sqlite".
var _ = sqlite.Driver{}
