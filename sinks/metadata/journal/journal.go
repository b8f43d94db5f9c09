package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/sinks/metadata/row"
)

const (
	magicPrefix    = "SPOOLJ"
	fileMagic      = magicPrefix + "01"
	headerBytes    = 36
	fileSuffix     = ".journal"
	RotateBytes    = 1 << 20   // size at which a new file begins: a restart reads at most this much again when everything was applied
	SpareBytes     = 256 << 10 // reserved behind RotateBytes in each file, so that a full disk still takes some hundred rows
	maxUnsafeBytes = 4 << 20
)

// Errors that callers act on.
var (
	// ErrNotDurable reports that the change is accepted and waits for the database, but
	// that the journal could not be written: a crash before the commit loses the change.
	ErrNotDurable = errors.New("the journal cannot be written")
	// ErrJournalTaken reports that another process has locked the journal.
	ErrJournalTaken = errors.New("another process has it")
	// ErrClosed reports that the catalogue has been closed.
	ErrClosed = errors.New("the catalogue is closed")
)

// Journal is the append-only log of changes. Its methods may be called from any
// goroutine. Append blocks for one write and one fdatasync, which all callers that
// wait at the time share.
type Journal struct {
	disk   Medium
	id     [16]byte
	unlock func() error // of the directory
	nowNS  func() int64 // wall clock

	mu             sync.Mutex // guards the fields below, once the journal is open
	done           sync.Cond
	lastRev        int64 // no revision is ever given twice
	buf            []byte
	bufOps         []Change
	writing        bool
	written        int64 // revision up to which an outcome is known
	file           File
	fileBytes      int64
	files          []journalFile // in order of age; the last is open when file is set
	unsafe         []byte        // records whose write failed; the next file begins with them
	failure        error         // why the last write failed; nil after one that worked
	failures       uint64
	failingSinceNS int64 // wall clock; 0 while writes work
	closed         bool
	// deliver receives changes in order of revision, after their write has ended.
	deliver func([]Change)
}

// journalFile describes one file. Invariant: no record of it has a revision above last.
type journalFile struct {
	name      string
	last      int64
	sizeBytes int64
}

// Append stores a change and passes it to deliver. It returns the change's revision, which is
// above floor. With ErrNotDurable the change was delivered all the same; with any other error
// it was not.
func (j *Journal) Append(kind Kind, r *row.Row, floor int64) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	rev, err := j.take(kind, r, floor)
	if err != nil {
		return 0, err
	}
	return rev, j.awaitLocked(rev)
}

// Gather adds a change to the next write and returns its revision without waiting: see Await.
func (j *Journal) Gather(kind Kind, r *row.Row, floor int64) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.take(kind, r, floor)
}

// take is Gather for a caller that holds j.mu.
func (j *Journal) take(kind Kind, r *row.Row, floor int64) (int64, error) {
	if j.closed {
		return 0, ErrClosed
	}
	o := Change{Revision: max(j.lastRev+1, floor+1, j.nowNS()), Kind: kind, Row: r}
	if kind == Protect {
		r.ProtectedRev = o.Revision
	}
	o.Seal()
	before := len(j.buf)
	buf, err := appendRecord(j.buf, o)
	if err != nil {
		return 0, err
	}
	j.buf, j.lastRev = buf, o.Revision
	o.SizeBytes = int64(len(buf) - before)
	j.bufOps = append(j.bufOps, o)
	return o.Revision, nil
}

// Await waits until the change of a revision that Gather returned is written. Its errors are those of Append.
func (j *Journal) Await(rev int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.awaitLocked(rev)
}

func (j *Journal) awaitLocked(rev int64) error {
	for j.written < rev {
		if j.writing {
			j.done.Wait()
			continue
		}
		j.flush()
	}
	if j.failure != nil {
		return fmt.Errorf("%w: %w", ErrNotDurable, j.failure)
	}
	return nil
}

// flush writes the gathered changes for all callers that wait. The caller holds j.mu and has
// checked that no other goroutine writes; flush releases the lock while the disk works.
func (j *Journal) flush() {
	buf, ops, safe := j.buf, j.bufOps, j.unsafe
	j.buf, j.bufOps, j.writing = nil, nil, true
	j.mu.Unlock()
	err := j.write(append(safe[:len(safe):len(safe)], buf...), ops[0].Revision, ops[len(ops)-1].Revision)
	j.mu.Lock()
	j.writing, j.failure = false, err
	if err != nil {
		if j.failures++; j.failingSinceNS == 0 {
			j.failingSinceNS = j.nowNS()
		}
		j.unsafe = append(j.unsafe, buf...)
		if len(j.unsafe) > maxUnsafeBytes { // the changes are still in memory and reach the database from there
			j.unsafe = nil
		}
	} else {
		j.unsafe, j.failingSinceNS = nil, 0
	}
	j.written = ops[len(ops)-1].Revision
	j.deliver(ops)
	j.done.Broadcast()
}

// write appends to the open file, or to a new one, and syncs it. Only one goroutine runs it
// at a time. After a failed write or sync it never writes to that file again: the state of
// its pages in the kernel is unknown.
func (j *Journal) write(b []byte, first, last int64) error {
	if j.file == nil || j.fileBytes >= RotateBytes {
		if err := j.rotate(first); err != nil && j.file == nil { // with an open file, write on into that
			return err
		}
	}
	_, err := j.file.Write(b)
	if err == nil {
		err = j.file.Sync()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	f := &j.files[len(j.files)-1]
	f.last, f.sizeBytes = last, f.sizeBytes+int64(len(b))
	j.fileBytes = f.sizeBytes
	if err != nil {
		err = fmt.Errorf("journal %s, offset %d: %w", f.name, f.sizeBytes-int64(len(b)), err)
		_ = j.file.Close()
		j.file = nil
	}
	return err
}

// rotate begins a new file, whose name is the first revision that it may hold. It syncs the
// directory, since a power cut could otherwise remove the file.
func (j *Journal) rotate(base int64) error {
	name := fmt.Sprintf("%016x%s", base, fileSuffix)
	f, err := j.disk.Create(name)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if r, ok := f.(reserver); ok {
		r.reserve(RotateBytes + SpareBytes)
	}
	if _, err = f.Write(j.header(base)); err == nil {
		err = j.disk.SyncDir()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("journal: begin %s: %w", name, err), f.Close(), j.disk.Remove(name))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		_ = j.file.Close() // synced after its last write
	}
	j.file, j.fileBytes = f, headerBytes
	j.files = append(j.files, journalFile{name: name, last: base - 1, sizeBytes: headerBytes})
	return nil
}

func (j *Journal) header(base int64) []byte {
	b := append(make([]byte, 0, headerBytes), fileMagic...)
	b = append(b, j.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(base))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// Trim removes the files whose changes are all applied, except the newest, which carries the
// revisions over a restart. applied receives the revision up to which changes were delivered, and
// returns the revision up to which they are in the database.
func (j *Journal) Trim(applied func(delivered int64) int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.writing || len(j.files) < 2 {
		return nil
	}
	done := applied(j.written)
	var errs []error
	newest := j.files[len(j.files)-1].name
	j.files = slices.DeleteFunc(j.files, func(f journalFile) bool {
		if f.name == newest || f.last > done {
			return false
		}
		err := j.disk.Remove(f.name)
		errs = append(errs, err)
		return err == nil || errors.Is(err, os.ErrNotExist)
	})
	return errors.Join(errs...)
}

// Identity returns the journal's ID, which survives restarts.
func (j *Journal) Identity() string { return fmt.Sprintf("%x", j.id) }

// Newest returns the highest revision that was assigned or read at the start.
func (j *Journal) Newest() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lastRev
}

// DeliverTo sets the function that receives changes in order of revision, after their write has
// ended. Call it before the first Append.
func (j *Journal) DeliverTo(take func([]Change)) { j.deliver = take }

// Bytes returns the size of the journal's files.
func (j *Journal) Bytes() (n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.files {
		n += f.sizeBytes
	}
	return n
}

// Health returns the number of failed writes, since when writes fail, and the error of the last
// write.
func (j *Journal) Health() (failures uint64, since time.Time, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failingSinceNS != 0 {
		since = time.Unix(0, j.failingSinceNS)
	}
	return j.failures, since, j.failure
}

// Close writes the waiting changes, refuses further ones and unlocks the directory.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	for j.writing || len(j.bufOps) > 0 {
		j.done.Wait()
	}
	var err error
	if j.file != nil {
		err = j.file.Close()
		j.file = nil
	}
	return errors.Join(err, j.unlock())
}
