package database

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
)

// Rescued is the result of Rescue. The zero value means that the file was not replaced.
type Rescued struct {
	File   string // path of the catalogue
	Damage string // the damage that was found
	Kept   string // path that the malformed file has now
	Tables []RescuedTable
}

// RescuedTable describes the rows of one table that Rescue copied.
type RescuedTable struct {
	Name    string
	Rows    int    // number of copied rows
	Invalid int    // number of rows that were left out because spool cannot have written their values
	Error   string // why other rows could not be read; empty if all were read
}

// RescueOptions configures Rescue.
type RescueOptions struct {
	Now  func() time.Time
	Wait time.Duration // longest wait for processes that have the file open
}

// Rescue checks whether the file of a SQLite catalogue is malformed, and replaces it if so. The new
// file holds every readable row of the old one, also those that Reconcile could not add from the
// files of this disk, such as the rows of other recorders. Rescue keeps the old file as
// FILE.malformed-TIME, together with its -wal and -shm.
//
// Rescue may be interrupted at any time: the new file gets its name only when it is complete. A
// running recorder that has noticed the damage has closed the file, and later opens the new one.
//
// Rescue returns an error if another process has the file open for longer than RescueOptions.Wait.
// It also returns an error for a malformed file outside recordDir that may be another program's. If
// t is not a SQLite catalogue, Rescue does nothing.
func Rescue(ctx context.Context, t *Target, recordDir string, o RescueOptions) (Rescued, error) {
	file := t.File
	if file == "" {
		return Rescued{}, nil
	}
	t.Top = recordDir
	own := t.own()
	if err := t.checkFiles(own); err != nil {
		return Rescued{}, err
	}
	if aloneIn(file) != "" { // a second process cannot read such a file while a recorder runs
		unlock, err := filesystem.LockPathAlone(own, file+openSuffix)
		if errors.Is(err, filesystem.ErrLocked) {
			return Rescued{}, nil
		}
		if err == nil {
			_ = unlock()
		}
	}
	_, damage := Examine(ctx, file)
	if damage == nil {
		return Rescued{}, nil
	}
	r := Rescued{File: file, Damage: damage.Error()}
	if !isCatalogue(own, file, recordDir) {
		return Rescued{}, fmt.Errorf("%s is no catalogue of spool (%w): name another file in database.dsn, or move it away", file, damage)
	}
	waiting, cancel := context.WithTimeout(ctx, o.Wait)
	defer cancel()
	unlock, err := await(waiting, func() (func() error, error) { return filesystem.LockPathAlone(own, file+openSuffix) })
	if errors.Is(err, filesystem.ErrLocked) {
		return Rescued{}, fmt.Errorf("%s is malformed (%w), and a running recorder has it open: stop that recorder, run spool reindex, and start it again", file, damage)
	}
	if err != nil {
		return Rescued{}, fmt.Errorf("%s is malformed (%w), and spool cannot tell whether a recorder has it open: %w: move it away, and run spool reindex", file, damage, err)
	}
	defer func() { _ = unlock() }()
	fresh := file + ".rebuilding"
	if err := removeDatabase(fresh); err != nil {
		return Rescued{}, err
	}
	defer func() { _ = removeDatabase(fresh) }()
	if r.Tables, err = rebuild(ctx, file, fresh, o.Now()); err != nil {
		return Rescued{}, fmt.Errorf("rebuild %s: %w", file, err)
	}
	r.Kept = file + ".malformed-" + o.Now().UTC().Format("20060102T150405.000Z")
	return r, putInPlace(fresh, file, r.Kept)
}

// Malformed reports whether an error of SQLite means that a file's content is damaged, or that the
// file is not a SQLite file.
func Malformed(err error) bool {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return false
	}
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}

// Examine reads a whole SQLite file. If the file is intact, well is true; if it is malformed,
// damage is not nil. If the path does not lead to a regular file, or the file cannot be read, well
// is false and damage is nil.
func Examine(ctx context.Context, file string) (well bool, damage error) {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false, nil
	}
	if info.Size() == 0 { // an empty database
		return true, nil
	}
	db, err := openReadOnly(file)
	if err != nil {
		return false, nil
	}
	defer db.Close()
	var found string
	err = db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found)
	switch {
	case Malformed(err):
		return false, err
	case err == nil && found != "ok":
		return false, errors.New(strings.Join(strings.Fields(found), " "))
	}
	return err == nil, nil
}

// openReadOnly opens a SQLite file for reading, with one connection.
func openReadOnly(file string) (*sql.DB, error) {
	wrapVFS()
	how := "?mode=ro&_pragma=busy_timeout(5000)"
	// The mode EXCLUSIVE takes write locks, which fail for a file that is opened for reading. The VFS
	// lockless takes none.
	if aloneIn(file) != "" {
		how += "&vfs=" + lockless + "&_pragma=locking_mode(EXCLUSIVE)"
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+how)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// isCatalogue reports whether a malformed file was a catalogue. It returns true if the file is
// directly in the record directory, contains the name of spool's table, or has only zeros.
func isCatalogue(own filesystem.Own, file, recordDir string) bool {
	if a, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
		if b, err := filepath.EvalSymlinks(recordDir); err == nil && a == b {
			return true
		}
	}
	f, err := own.Open(file, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	const overlap = 64
	in, zero := bufio.NewReader(f), true
	buf, kept := make([]byte, 1<<20), 0
	for {
		n, err := io.ReadFull(in, buf[kept:])
		b := buf[:kept+n]
		if bytes.Contains(b, []byte("spool_recordings")) {
			return true
		}
		zero = zero && len(bytes.Trim(b, "\x00")) == 0
		if err != nil {
			return zero
		}
		kept = copy(buf, b[len(b)-overlap:])
	}
}

// rebuild creates a catalogue at the path fresh from the readable rows of the file old, and returns
// the numbers of rows by table.
func rebuild(ctx context.Context, old, fresh string, now time.Time) ([]RescuedTable, error) {
	t, err := sqliteTarget(fresh)
	if err != nil {
		return nil, err
	}
	s, err := t.Open(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{old, old + "-wal"} { // after a boot the clock may be behind the rows' revisions
		if info, err := os.Stat(name); err == nil && info.ModTime().After(now) {
			now = info.ModTime()
		}
	}
	tables, err := salvage(ctx, old, s, now.Add(24*time.Hour))
	if err == nil && s.RO != s.RW {
		err = s.RO.Close() // the PRAGMA below fails while another connection is open
		s.RO = s.RW
	}
	if err == nil {
		_, err = s.RW.ExecContext(ctx, "PRAGMA journal_mode(DELETE)") // it merges the -wal into the file
	}
	return tables, errors.Join(err, s.Close())
}

// putInPlace renames file to kept and fresh to file, and syncs the directory. If possible it
// exchanges the two files at once, so that file exists at any time.
func putInPlace(fresh, file, kept string) error {
	for _, suffix := range []string{"-wal", "-shm"} { // first: SQLite would apply the old -wal to the new file
		if err := os.Rename(file+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	err := filesystem.Exchange(fresh, file)
	if err == nil {
		err = os.Rename(fresh, kept)
	} else if err = os.Rename(file, kept); err == nil { // most systems cannot exchange files
		err = os.Rename(fresh, file)
	}
	return errors.Join(err, durable.Disk{}.SyncDir(filepath.Dir(file)))
}

// removeDatabase removes a SQLite file, and the files that SQLite and spool keep beside it.
func removeDatabase(file string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", openSuffix, migrateSuffix, copySuffix} {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// copySuffix is the suffix of the copy that reviveHeader writes.
const copySuffix = ".copy"

// reviveHeader copies the file old, whose header is damaged, to the path to. It replaces the header
// of the copy by that of the undamaged catalogue intact: the tables behind the header may all be
// readable.
func reviveHeader(old, intact, to string) error {
	header := make([]byte, 100)
	from, err := os.Open(intact)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(from, header)
	if err = errors.Join(err, from.Close()); err != nil {
		return err
	}
	in, err := os.OpenFile(old, os.O_RDONLY|filesystem.NoFollow, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, in)
	const pageSize = 4096 // SQLite's default, which spool does not change
	put := func(at int, v uint32) { binary.BigEndian.PutUint32(header[at:], v) }
	header[18], header[19] = 1, 1      // file format versions: rollback journal, no WAL
	put(28, uint32(n/pageSize))        // size of the database in pages
	copy(header[92:96], header[24:28]) // equal change counters make that size valid
	for _, at := range []int{32, 36} { // no free pages
		put(at, 0)
	}
	if err == nil {
		_, err = out.WriteAt(header, 0)
	}
	return errors.Join(err, out.Close())
}
