package configs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
)

// A data source name of another database than the driver's is refused, in whichever layer it
// stands. No message contains a part of it.
func TestADSNBelongsToItsDriver(t *testing.T) {
	for _, c := range []struct{ driver, dsn, says string }{
		{"", "postgres://spool:s3cret@h/spool", "database/dsn: is a PostgreSQL URL, and database.driver is sqlite (write driver: postgres)"},
		{"sqlite", "PostgreSQL://spool:s3cret@h/spool", "is a PostgreSQL URL, and database.driver is sqlite (write driver: postgres)"},
		{"", "host=h user=spool password=s3cret", "is a PostgreSQL data source name, and database.driver is sqlite (write driver: postgres)"},
		{"", "mysql://spool:s3cret@tcp(h)/spool", "is a MySQL URL, and database.driver is sqlite (write driver: mysql)"},
		{"", "mariadb://spool:s3cret@h/spool", "is a MySQL URL, and database.driver is sqlite (write driver: mysql)"},
		{"", "spool:s3/cret@tcp(h:3306)/spool", "is a MySQL data source name, and database.driver is sqlite (write driver: mysql)"},
		{"", "spool:s3cret@unix(/run/mysqld.sock)/spool", "is a MySQL data source name, and database.driver is sqlite (write driver: mysql)"},
		{"", "spool:s3cret@/spool", "is a MySQL data source name, and database.driver is sqlite (write driver: mysql)"},
		{"", "sqlite:///data/s3cret.db", "is a URL, and sqlite takes the path of a file (for example ./recordings/spool.db)"},
		{"", "sqlserver://spool:s3cret@h/spool", "is a URL, and sqlite takes the path of a file (for example ./recordings/spool.db)"},
		{"", `C:\s3cret\spool.db`, "is a Windows path, which names a file in the working directory here (write the path on this machine, such as /mnt/c/recordings/spool.db)"},
		{"mysql", "postgres://spool:s3cret@h/spool", "is a PostgreSQL URL, and database.driver is mysql (write driver: postgres, or user:password@tcp(host:3306)/database)"},
		{"mysql", "./s3cret/spool.db", "is the path of a file, and database.driver is mysql (write driver: sqlite, or user:password@tcp(host:3306)/database)"},
		{"mysql", "mariadb://spool:s3cret@tcp(h)/spool", "begins with mariadb:// (write user:password@tcp(host:3306)/database)"},
		{"postgres", "mysql://spool:s3cret@h/spool", "is a MySQL URL, and database.driver is postgres (write driver: mysql, or postgres://user:password@host:5432/database)"},
		{"postgres", "/data/s3cret", "is the path of a file, and database.driver is postgres (write driver: sqlite, or postgres://user:password@host:5432/database)"},
		{"postgres", "file:s3cret.db?mode=rwc", "is the path of a file, and database.driver is postgres (write driver: sqlite, or postgres://user:password@host:5432/database)"},
		{"sqlite", "/data/a:b@c/spool.db", ""},
		{"sqlite", "./user:p@h/spool.db", ""},
		{"sqlite", "file:///data/spool.db?mode=rwc", ""},
		{"sqlite", "host/spool.db", ""},
		{"mysql", "mysql://spool:s3cret@tcp(h)/spool", ""},
		{"mysql", "spool:s3cret@tcp(h)/spool", ""},
		{"mysql", "/spool", ""},
		{"postgres", "host=/run/postgresql user=spool", ""},
		{"postgres", "postgres://spool:s3cret@h1,h2/spool", ""},
	} {
		yaml := "database: {dsn: '" + c.dsn + "'"
		environ := []string{"SPOOL_DATABASE__DSN=" + c.dsn}
		flags := []configs.Flag{{Name: "--set database/dsn", Key: []string{"database", "dsn"}, Value: c.dsn}}
		if c.driver != "" {
			yaml += ", driver: " + c.driver
			environ = append(environ, "SPOOL_DATABASE__DRIVER="+c.driver)
			flags = append(flags, configs.Flag{Name: "--set database/driver", Key: []string{"database", "driver"}, Value: c.driver})
		}
		inFile := inDir(t, yaml+"}\n")
		for layer, o := range map[string]configs.Options{"file": inFile, "environment": {Dir: t.TempDir(), Environ: environ}, "flags": {Dir: t.TempDir(), Flags: flags}} {
			_, err := configs.Load(o)
			if c.says == "" {
				require.NoError(t, err, "%s: %s", layer, c.dsn)
				continue
			}
			require.ErrorContains(t, err, c.says, "%s: %s", layer, c.dsn)
			require.NotContains(t, err.Error(), "cret", layer)
		}
	}
}
