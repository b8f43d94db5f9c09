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

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
)

// Rescued describes the result of Rescue; the zero value: the file was not malformed.
type Rescued struct {
	File   string // path of the catalogue
	Damage string // the damage that was found
	Kept   string // path that the malformed file has now
	Tables []RescuedTable
}

// RescuedTable describes the readable part of a table.
type RescuedTable struct {
	Name    string
	Rows    int
	Invalid int    // rows dropped because spool cannot have written their values
	Error   string // why the other rows are lost; empty when all were read
}

// RescueOptions hold the clock and the bound of Rescue.
type RescueOptions struct {
	Now  func() time.Time
	Wait time.Duration // at most, for the processes that have the file open
}

// Rescue checks whether the file of a SQLite catalogue is malformed, and replaces it if so. The
// new file holds every readable row of the old one, among them rows that no file on this disk can
// restore, such as those of other recorders. The old file is kept as FILE.malformed-TIME, with its
// -wal. Reconcile then adds the recordings that are on the disk.
//
// It may be interrupted at any time: the new file takes the name only when it is complete. A
// recorder that has noticed the damage has closed the file, and goes on with the new one. Rescue
// refuses a file that another program may have made, unless it is in the record directory.
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
	if aloneIn(file) != "" { // no second process can read there while a recorder runs
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

// Malformed reports whether an error of SQLite means that the content of its file is damaged.
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

// Examine reads the whole file and returns its damage, or reports that it is intact. A file that
// cannot be read is neither.
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

func openReadOnly(file string) (*sql.DB, error) {
	wrapVFS()
	how := "?mode=ro&_pragma=busy_timeout(5000)"
	if aloneIn(file) != "" { // with locking_mode=EXCLUSIVE SQLite locks for writing, which a file open for reading refuses
		how += "&vfs=" + lockless + "&_pragma=locking_mode(EXCLUSIVE)"
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+how)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// isCatalogue reports whether a file was a catalogue: it contains the name of spool's table, has
// only zeros, or lies in the record directory.
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

// rebuild makes a new catalogue of the readable rows of the old one.
func rebuild(ctx context.Context, old, fresh string, now time.Time) ([]RescuedTable, error) {
	t, err := sqliteTarget(fresh)
	if err != nil {
		return nil, err
	}
	s, err := t.Open(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{old, old + "-wal"} { // this machine's clock may not have been set yet
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

// putInPlace renames the old file to kept and the new one to file.
func putInPlace(fresh, file, kept string) error {
	for _, suffix := range []string{"-wal", "-shm"} { // before the new file has the name that these belong to
		if err := os.Rename(file+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	err := unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, file, unix.RENAME_EXCHANGE)
	if err == nil {
		err = os.Rename(fresh, kept)
	} else if err = os.Rename(file, kept); err == nil { // not every file system supports RENAME_EXCHANGE
		err = os.Rename(fresh, file)
	}
	return errors.Join(err, durable.Disk{}.SyncDir(filepath.Dir(file)))
}

func removeDatabase(file string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", openSuffix, migrateSuffix, copySuffix} {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

const copySuffix = ".copy"

// reviveHeader copies a database with a damaged header and gives the copy the header of an intact
// catalogue: its tables may all be intact.
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
	in, err := os.OpenFile(old, os.O_RDONLY|unix.O_NOFOLLOW, 0)
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
	const pageSize = 4096 // sqlite's default, which spool does not change
	put := func(at int, v uint32) { binary.BigEndian.PutUint32(header[at:], v) }
	header[18], header[19] = 1, 1      // read without a WAL
	put(28, uint32(n/pageSize))        // pages
	copy(header[92:96], header[24:28]) // the number of pages counts
	for _, at := range []int{32, 36} { // no free pages
		put(at, 0)
	}
	if err == nil {
		_, err = out.WriteAt(header, 0)
	}
	return errors.Join(err, out.Close())
}
