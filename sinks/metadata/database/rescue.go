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

// Rescued tells what Rescue did; the zero value: nothing was wrong.
type Rescued struct {
	File   string // the catalogue
	Damage string // what is wrong with it
	Kept   string // the name that it has now
	Tables []RescuedTable
}

// RescuedTable is what of a table could be read.
type RescuedTable struct {
	Name    string
	Rows    int
	Invalid int    // rows that cannot be what was written
	Error   string // why the rest is lost; empty where all was read
}

// RescueOptions are what Rescue goes by.
type RescueOptions struct {
	Now  func() time.Time
	Wait time.Duration // at most for those that have the file open
}

// Rescue looks whether the file of a SQLite catalogue is malformed, and puts another one
// in its place: with all of the old one that can be read, which is what no file of a
// recording tells, such as the rows of other recorders. The old one is kept beside under the name
// FILE.malformed-TIME, with its -wal. Reconcile then adds what is on the disk.
//
// It may be interrupted at any time: the new file has its place only when it is whole. A recorder
// that has noticed the damage has let go of the file, and goes on with the new one. Rescue
// refuses what may be a file of another program, unless it is in the record directory.
func Rescue(ctx context.Context, t *Target, recordDir string, o RescueOptions) (Rescued, error) {
	file := t.File
	if file == "" {
		return Rescued{}, nil
	}
	t.Top = recordDir
	own := t.own()
	if err := t.whole(own); err != nil {
		return Rescued{}, err
	}
	if aloneIn(file) != "" { // nobody reads beside a recorder there
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
		return Rescued{}, fmt.Errorf("%s is malformed (%w), and a recorder that works with it has not noticed: stop it, run spool reindex, and start it again", file, damage)
	}
	if err != nil {
		return Rescued{}, fmt.Errorf("%s is malformed (%w), and nothing says whether a recorder works with it: %w: move it away, and run spool reindex", file, damage, err)
	}
	defer func() { _ = unlock() }()
	fresh := file + ".rebuilding"
	if err := removeDatabase(fresh); err != nil {
		return Rescued{}, err
	}
	defer func() { _ = removeDatabase(fresh) }()
	if r.Tables, err = rebuild(ctx, file, fresh, o.Now()); err != nil {
		return Rescued{}, fmt.Errorf("making %s anew: %w", file, err)
	}
	r.Kept = file + ".malformed-" + o.Now().UTC().Format("20060102T150405.000Z")
	return r, putInPlace(fresh, file, r.Kept)
}

// Malformed reports whether an error of SQLite is about what is in its file.
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

// Examine reads the whole file, and reports what is malformed in it, or that it is well.
// What keeps it from being read is neither.
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
	if aloneIn(file) != "" { // SQLite would lock it for writing then, which cannot be done to what is open for reading
		how += "&vfs=" + lockless + "&_pragma=locking_mode(EXCLUSIVE)"
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+how)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// isCatalogue reports whether a file has been a catalogue: it names our table
// somewhere, has no content at all, or lies where only ours are.
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

// rebuild makes a new catalogue of what can be read of the old one.
func rebuild(ctx context.Context, old, fresh string, now time.Time) ([]RescuedTable, error) {
	t, err := sqliteTarget(fresh)
	if err != nil {
		return nil, err
	}
	s, err := t.Open(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{old, old + "-wal"} { // this clock may not have been set yet
		if info, err := os.Stat(name); err == nil && info.ModTime().After(now) {
			now = info.ModTime()
		}
	}
	tables, err := salvage(ctx, old, s, now.Add(24*time.Hour))
	if err == nil && s.RO != s.RW {
		err = s.RO.Close() // what follows waits for no other connection, and fails
		s.RO = s.RW
	}
	if err == nil {
		_, err = s.RW.ExecContext(ctx, "PRAGMA journal_mode(DELETE)") // it is one file then
	}
	return tables, errors.Join(err, s.Close())
}

// putInPlace gives the new file the name of the old one, which gets another one.
func putInPlace(fresh, file, kept string) error {
	for _, suffix := range []string{"-wal", "-shm"} { // before the new file has the name that they belong to
		if err := os.Rename(file+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	err := unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, file, unix.RENAME_EXCHANGE)
	if err == nil {
		err = os.Rename(fresh, kept)
	} else if err = os.Rename(file, kept); err == nil { // not every file system can exchange
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

// reviveHeader copies a database whose first bytes are damaged, and gives it those of an
// intact one of the same kind: the tables may all be there.
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
	const pageSize = 4096 // sqlite's own default, which we leave
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
