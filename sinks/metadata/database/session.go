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

// The statements of spool rely on certain values of session variables. An account, a database or a
// server may have other defaults, so each new connection sets them. The user's value in database.dsn takes
// precedence, except for the variables of postgresStartup and mysqlMust, without which statements would be
// misread. Variables that make a database read-only are not set: an administrator may have set them.

// postgresStartup holds the variables that are sent in the startup message: a pooler such as
// PgBouncer requires that they are sent there.
var postgresStartup = map[string]string{
	"standard_conforming_strings": "on", // bun's quoting relies on it
	"client_encoding":             "UTF8",
	"datestyle":                   "ISO", // spool_migrations' times are read as text
}

// postgresSession holds the variables that are set after connecting. A variable that the server
// does not know is skipped.
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
	"synchronous_commit":                  "on", // set only if it is off: the journal forgets committed changes
}

// postgresSchema is the statement that sets search_path to the one schema with the tables: the first in
// search_path that has them, else public. Otherwise a search_path that is changed later would lead to a
// second, empty catalogue. If no schema has the tables, search_path stays, and becomes public if it names
// no existing schema.
const postgresSchema = `SELECT pg_catalog.set_config('search_path', pg_catalog.quote_ident(s.name), false) FROM (
	SELECT n.nspname::text AS name, CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN 0 ELSE 1 END AS place
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relname IN ('spool_migrations', 'spool_recordings') AND (pg_catalog.pg_table_is_visible(c.oid)
		OR n.nspname = 'public' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))
	UNION ALL
	SELECT 'public', 2 WHERE COALESCE(pg_catalog.current_schema()::text, 'pg_catalog') IN ('pg_catalog', 'information_schema')
	ORDER BY place LIMIT 1
) AS s`

// postgresConnector returns a connector that sets the session variables. If the DSN names several
// servers, it connects to one that accepts writes, or else to one that can only be read. A
// target_session_attrs in the DSN overrides this choice.
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

// postgresSettings returns the statements that set those variables of postgresSession that the DSN
// does not set. given holds the variables of the DSN.
func postgresSettings(given map[string]string) string {
	var text strings.Builder
	first := ""
	for _, name := range slices.Sorted(maps.Keys(postgresSession)) {
		switch {
		case postgresGives(given, name):
		case name == "statement_timeout":
			first = "SET statement_timeout = 0; " // first: the old value would bound the next statement
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

// postgresGives reports whether the DSN sets a variable, by itself or in its options. given holds
// the variables of the DSN.
func postgresGives(given map[string]string, name string) bool {
	for g := range given {
		if strings.EqualFold(g, name) {
			return true
		}
	}
	return strings.Contains(strings.ToLower(given["options"]), strings.ToLower(name))
}

// eitherConnector connects through the connector writable, or through any if writable finds only
// servers that refuse writes.
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

// mysqlMust lists the statements that are executed on every connection.
var mysqlMust = []string{
	"SET NAMES utf8mb4", // a server may ignore the handshake's character set
	// With another completion_type, COMMIT begins a transaction, which would hold later rows
	// uncommitted. Without autocommit, a query begins one, and all later queries read its snapshot.
	"SET autocommit = 1, completion_type = 0, sql_safe_updates = 0, sql_select_limit = 18446744073709551615, sql_big_selects = 1, " +
		"sql_auto_is_null = 0, time_zone = '+00:00'",
}

// mysqlSession lists the statements that are executed unless the DSN contains the name of their
// variable. A variable that the server does not know is skipped.
var mysqlSession = []struct{ name, statement string }{
	{"isolation", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"},
	{"wait_timeout", "SET wait_timeout = 28800"},
	{"default_storage_engine", "SET default_storage_engine = InnoDB"},
	{"max_statement_time", "SET max_statement_time = 0"}, // of MariaDB; MySQL has max_execution_time
	{"max_execution_time", "SET max_execution_time = 0"},
	{"idle_transaction_timeout", "SET idle_transaction_timeout = 0"},
	{"idle_write_transaction_timeout", "SET idle_write_transaction_timeout = 0"},
}

// mysqlConnector executes statements on each new connection.
type mysqlConnector struct {
	driver.Connector
	statements []string
}

// newMySQLConnector returns a connector that sets the session variables.
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
