package metadata

import (
	"slices"
	"testing"
	"time"

	"github.com/gospool/spool/sinks/metadata/dbtest"
)

type benchDatabase struct {
	driver string
	dsn    func(testing.TB) string
}

func benchDatabases(testing.TB) []benchDatabase {
	return []benchDatabase{
		{"sqlite", dbtest.SQLite}, {"postgres", dbtest.Postgres}, {"mysql", dbtest.MariaDB},
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
