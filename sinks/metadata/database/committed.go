package database

import "context"

// Committed moves the read mark in the index of SQLite's log, by reading on the connection RW. Call
// it after each commit. If it fails, the next reader moves the mark and may wait for the disk.
// Committed does nothing with other databases, or if RW and RO are the same.
func (s *DB) Committed(ctx context.Context) {
	if s.Driver == "sqlite" && s.RO != s.RW {
		_, _ = s.RW.ExecContext(ctx, "SELECT 1 FROM "+Tables[0]+" WHERE 1 = 0")
	}
}
