package configs

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// Check returns a problem if the data source name does not belong to the driver. Without the check, SQLite
// would take any text as a file name, even a URL with a password. No problem quotes the data source name.
func (d Database) Check() config.Problems {
	var c checks
	if d.Driver == "" {
		return nil // Decode reports an unknown driver
	}
	dsn := d.DSN.Reveal()
	driver, what := databaseOf(dsn)
	switch example := dsnExamples[d.Driver]; {
	case dsn == "":
		c.want(d.Driver == "sqlite", "dsn", "is missing", "for example "+example)
	case driver != "" && driver != d.Driver:
		hint := "write driver: " + driver
		if d.Driver != "sqlite" {
			hint += ", or " + example
		}
		c.add("dsn", fmt.Sprintf("is %s, and database.driver is %s", what, d.Driver), hint)
	case d.Driver == "sqlite" && config.WindowsPath(dsn):
		c.add("dsn", "is a Windows path, which names a file in the working directory here", "write the path on this machine, such as /mnt/c/recordings/spool.db")
	case d.Driver == "sqlite" && anyURL.MatchString(dsn) && !hasScheme(dsn, "file"):
		c.add("dsn", "is a URL, and sqlite takes the path of a file", "for example ./recordings/spool.db")
	case d.Driver == "mysql" && hasScheme(dsn, "mariadb"): // the driver would take mariadb as the user's name
		c.add("dsn", "begins with mariadb://", "write "+example)
	}
	return c.problems
}

var dsnExamples = map[string]string{
	"mysql":    "user:password@tcp(host:3306)/database",
	"postgres": "postgres://user:password@host:5432/database",
}

// databaseOf returns the driver to which a data source name belongs, and a description of its form for an
// error. Both are "" for a text that no driver or several drivers accept, such as spool.
func databaseOf(dsn string) (driver, what string) {
	switch {
	case config.WindowsPath(dsn):
		return "", ""
	case hasScheme(dsn, "postgres", "postgresql"):
		return "postgres", "a PostgreSQL URL"
	case hasScheme(dsn, "mysql", "mariadb"):
		return "mysql", "a MySQL URL"
	case strings.HasPrefix(dsn, "file:"):
		return "sqlite", "the path of a file"
	case anyURL.MatchString(dsn):
		return "", ""
	case keywords.MatchString(dsn):
		return "postgres", "a PostgreSQL data source name"
	case protocol.MatchString(dsn), account.MatchString(dsn):
		return "mysql", "a MySQL data source name"
	case aPath.MatchString(dsn):
		return "sqlite", "the path of a file"
	}
	return "", ""
}

var (
	anyURL   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.:-]*://`)
	keywords = regexp.MustCompile(`^\s*(host|hostaddr|port|dbname|user|password|passfile|service|sslmode)\s*=`)
	protocol = regexp.MustCompile(`(^|@)(tcp[46]?|unix)\(`)
	account  = regexp.MustCompile(`^[^/.:]+:.*@`)                             // user:password@; a file is ./user:...
	aPath    = regexp.MustCompile(`^\.{0,2}/.*/|^\.{1,2}/|\.db$|\.sqlite3?$`) // /spool alone names a MySQL database
)

// hasScheme reports whether a text is a URL with one of the schemes.
func hasScheme(text string, schemes ...string) bool {
	scheme, _, is := strings.Cut(text, "://")
	if !is {
		return false
	}
	for _, s := range schemes {
		if strings.EqualFold(scheme, s) {
			return true
		}
	}
	return false
}
