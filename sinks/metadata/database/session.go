package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Session variables that the statements of this package rely on. An account, a database or a server
// may have other defaults, so that each connection sets its own. A variable that database.dsn sets
// stays as the user set it, unless statements would be misread with it (the first list of each
// database). Variables that make a database read-only are left alone: an administrator set them.

// postgresStartup is sent with the startup message, where a pooler such as PgBouncer forwards it.
var postgresStartup = map[string]string{
	"standard_conforming_strings": "on", // bun's quoting relies on it
	"client_encoding":             "UTF8",
	"datestyle":                   "ISO", // spool_migrations' times are read as text
}

// postgresSession is set after connecting; a setting that the server's version lacks is skipped.
var postgresSession = map[string]string{
	"TimeZone":                            "UTC",
	"IntervalStyle":                       "postgres",
	"bytea_output":                        "hex",
	"extra_float_digits":                  "1",
	"default_transaction_isolation":       "read committed", // a stricter level only fails more often
	"default_transaction_deferrable":      "off",
	"statement_timeout":                   "0", // each statement has a context with a deadline
	"lock_timeout":                        "0",
	"idle_in_transaction_session_timeout": "0",
	"idle_session_timeout":                "0",
	"transaction_timeout":                 "0",
	"synchronous_commit":                  "on", // set only where it is off: the journal drops the changes of a commit
}

// postgresSchema sets search_path to the schema that has the tables: the first such schema of
// search_path, else public. Otherwise an account whose search_path changes later would get a
// second, empty catalogue. New tables are created where search_path points, or in public when
// it names no schema.
const postgresSchema = `SELECT pg_catalog.set_config('search_path', pg_catalog.quote_ident(s.name), false) FROM (
	SELECT n.nspname::text AS name, CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN 0 ELSE 1 END AS place
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relname IN ('spool_migrations', 'spool_recordings') AND (pg_catalog.pg_table_is_visible(c.oid)
		OR n.nspname = 'public' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))
	UNION ALL
	SELECT 'public', 2 WHERE COALESCE(pg_catalog.current_schema()::text, 'pg_catalog') IN ('pg_catalog', 'information_schema')
	ORDER BY place LIMIT 1
) AS s`

// postgresConnector connects to a server that takes writes when one of the addresses leads to
// one, and else to a server that can be read. A target_session_attrs in the DSN overrides this.
func postgresConnector(cfg *pgx.ConnConfig) driver.Connector {
	for name := range maps.Clone(cfg.RuntimeParams) {
		if _, ours := postgresStartup[strings.ToLower(name)]; ours {
			delete(cfg.RuntimeParams, name)
		}
	}
	maps.Copy(cfg.RuntimeParams, postgresStartup)
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "spool"
	}
	set := postgresSettings(cfg.RuntimeParams)
	if !postgresGives(cfg.RuntimeParams, "search_path") {
		set += "; " + postgresSchema
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		_, err := conn.Exec(ctx, set).ReadAll()
		return err
	}
	if cfg.ValidateConnect != nil {
		return stdlib.GetConnector(*cfg)
	}
	writable := cfg.Copy()
	writable.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	return eitherConnector{stdlib.GetConnector(*writable), stdlib.GetConnector(*cfg)}
}

// postgresSettings returns the statements that set the variables which the DSN does not set.
func postgresSettings(given map[string]string) string {
	var text strings.Builder
	first := ""
	for _, name := range slices.Sorted(maps.Keys(postgresSession)) {
		switch {
		case postgresGives(given, name):
		case name == "statement_timeout":
			first = "SET statement_timeout = 0; " // first, since it also bounds the statement behind it
		default:
			fmt.Fprintf(&text, ",('%s','%s')", name, postgresSession[name])
		}
	}
	if text.Len() == 0 {
		return first
	}
	return first + "SELECT pg_catalog.set_config(s.name, w.value, false) FROM pg_catalog.pg_settings s JOIN (VALUES " + text.String()[1:] +
		") AS w (name, value) ON w.name = s.name WHERE s.name <> 'synchronous_commit' OR s.setting = 'off'"
}

// postgresGives reports whether the DSN sets a variable.
func postgresGives(given map[string]string, name string) bool {
	for g := range given {
		if strings.EqualFold(g, name) {
			return true
		}
	}
	return strings.Contains(strings.ToLower(given["options"]), strings.ToLower(name))
}

// eitherConnector connects through writable, and through any when writable finds only servers that
// refuse writes.
type eitherConnector struct{ writable, any driver.Connector }

// Connect implements driver.Connector.
func (c eitherConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.writable.Connect(ctx)
	if errors.Is(err, pgconn.ErrReadOnlyConnection) {
		return c.any.Connect(ctx)
	}
	return conn, err
}

// Driver implements driver.Connector.
func (c eitherConnector) Driver() driver.Driver { return c.any.Driver() }

// mysqlMust is executed on every connection.
var mysqlMust = []string{
	"SET NAMES utf8mb4", // a server may ignore the handshake's character set
	// completion_type: a COMMIT that begins another transaction would keep the next rows
	// in it; autocommit: a query that begins a transaction would see one snapshot for ever.
	"SET autocommit = 1, completion_type = 0, sql_safe_updates = 0, sql_select_limit = 18446744073709551615, sql_big_selects = 1, " +
		"sql_auto_is_null = 0, time_zone = '+00:00'",
}

// mysqlSession is executed unless the DSN sets the variable or the server does not know it.
var mysqlSession = []struct{ name, statement string }{
	{"isolation", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"},
	{"wait_timeout", "SET wait_timeout = 28800"},
	{"default_storage_engine", "SET default_storage_engine = InnoDB"},
	{"max_statement_time", "SET max_statement_time = 0"}, // MariaDB; max_execution_time is MySQL's
	{"max_execution_time", "SET max_execution_time = 0"},
	{"idle_transaction_timeout", "SET idle_transaction_timeout = 0"},
	{"idle_write_transaction_timeout", "SET idle_write_transaction_timeout = 0"},
}

// mysqlConnector executes the session statements on each new connection.
type mysqlConnector struct {
	driver.Connector
	statements []string
}

func newMySQLConnector(cfg *mysql.Config) (driver.Connector, error) {
	c, err := mysql.NewConnector(cfg)
	statements := slices.Clone(mysqlMust)
	for _, s := range mysqlSession {
		wish := slices.ContainsFunc(slices.Collect(maps.Keys(cfg.Params)), func(given string) bool {
			return strings.Contains(strings.ToLower(given), s.name)
		})
		if !wish {
			statements = append(statements, s.statement)
		}
	}
	return mysqlConnector{c, statements}, err
}

// Connect implements driver.Connector.
func (c mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range c.statements {
		_, err := conn.(driver.ExecerContext).ExecContext(ctx, s, nil)
		var known *mysql.MySQLError
		if errors.As(err, &known) && known.Number == 1193 { // unknown system variable
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s, err), conn.Close())
		}
	}
	return conn, nil
}
