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
	journalFamily  = "SPOOLJ"
	journalMagic   = journalFamily + "01"
	journalHead    = 36
	journalSuffix  = ".journal"
	RotateBytes    = 1 << 20   // what a restart reads again at most, when all was applied
	SpareBytes     = 256 << 10 // beyond it: taken with each file, so that a full disk still takes some hundred rows
	maxUnsyncedBuf = 4 << 20
)

// Errors that callers act on.
var (
	// ErrNotDurable: the change is accepted and on its way to the database, but
	// the journal could not be written: a crash before that would lose it.
	ErrNotDurable = errors.New("the journal cannot be written")
	// ErrJournalTaken: one process at a time has a journal.
	ErrJournalTaken = errors.New("another process has it")
	// ErrClosed: the catalogue has been closed.
	ErrClosed = errors.New("the catalogue is closed")
)

// Journal is the append-only log of changes. Its methods may be called from any
// goroutine. Append blocks for one write and one fdatasync, which it shares with
// all that wait at the time.
type Journal struct {
	disk   Medium
	id     [16]byte
	unlock func() error // of the directory
	now    func() int64 // ns, wall clock

	mu       sync.Mutex // guards what follows, once the journal is open
	done     sync.Cond
	lastRev  int64 // no revision is ever given twice
	buf      []byte
	bufOps   []Change
	writing  bool
	written  int64 // revision up to which an outcome is known
	file     File
	fileSize int64
	files    []journalFile // in order of age; the last is open when file is set
	unsafe   []byte        // records whose write failed; they go first into the next file
	failure  error         // why the last write failed; nil after one that worked
	failures uint64
	failing  int64 // ns, wall clock: since when; 0 while writes work
	closed   bool
	// deliver takes changes in order of revision, once their write has ended.
	deliver func([]Change)
}

// journalFile is one file. Invariant: its records' revisions are at most last.
type journalFile struct {
	name string
	last int64
	size int64
}

// Append stores a change and hands it to deliver; its revision is at least above
// floor. The error is ErrNotDurable where the change was delivered all the same,
// any other where it was not.
func (j *Journal) Append(kind Kind, r *row.Row, floor int64) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	rev, err := j.take(kind, r, floor)
	if err != nil {
		return 0, err
	}
	return rev, j.awaitLocked(rev)
}

// Gather adds a change to what is written next, and does not wait for it: see Await.
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
	o := Change{Revision: max(j.lastRev+1, floor+1, j.now()), Kind: kind, Row: r}
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
	o.Size = int64(len(buf) - before)
	j.bufOps = append(j.bufOps, o)
	return o.Revision, nil
}

// Await waits until a revision that Gather gave is written. Its errors are those of Append.
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

// flush writes what has gathered. Whoever finds nobody writing does it for all;
// the lock is not held while the disk works.
func (j *Journal) flush() {
	buf, ops, safe := j.buf, j.bufOps, j.unsafe
	j.buf, j.bufOps, j.writing = nil, nil, true
	j.mu.Unlock()
	err := j.write(append(safe[:len(safe):len(safe)], buf...), ops[0].Revision, ops[len(ops)-1].Revision)
	j.mu.Lock()
	j.writing, j.failure = false, err
	if err != nil {
		if j.failures++; j.failing == 0 {
			j.failing = j.now()
		}
		j.unsafe = append(j.unsafe, buf...)
		if len(j.unsafe) > maxUnsyncedBuf { // they are still in memory, on their way to the database
			j.unsafe = nil
		}
	} else {
		j.unsafe, j.failing = nil, 0
	}
	j.written = ops[len(ops)-1].Revision
	j.deliver(ops)
	j.done.Broadcast()
}

// write appends to the open file, or to a new one, and syncs it. Only one
// goroutine is here at a time. A file whose write or sync failed is not written
// again: what the system did with its pages is unknown.
func (j *Journal) write(b []byte, first, last int64) error {
	if j.file == nil || j.fileSize >= RotateBytes {
		if err := j.rotate(first); err != nil && j.file == nil { // else the old one has room yet
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
	f.last, f.size = last, f.size+int64(len(b))
	j.fileSize = f.size
	if err != nil {
		err = fmt.Errorf("journal %s, offset %d: %w", f.name, f.size-int64(len(b)), err)
		_ = j.file.Close()
		j.file = nil
	}
	return err
}

// rotate begins a new file, whose name is the first revision it may hold. The
// directory is synced, or a power cut could take the file with it.
func (j *Journal) rotate(base int64) error {
	name := fmt.Sprintf("%016x%s", base, journalSuffix)
	f, err := j.disk.Create(name)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if r, ok := f.(roomy); ok {
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
	j.file, j.fileSize = f, journalHead
	j.files = append(j.files, journalFile{name: name, last: base - 1, size: journalHead})
	return nil
}

func (j *Journal) header(base int64) []byte {
	b := append(make([]byte, 0, journalHead), journalMagic...)
	b = append(b, j.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(base))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// Trim removes the files of which all is applied, but the newest: it carries the
// revisions over a restart. applied tells the revision below which nothing waits,
// given the one below which all was delivered.
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

// Identity names the journal, over restarts.
func (j *Journal) Identity() string { return fmt.Sprintf("%x", j.id) }

// Newest is the highest revision that it gave, or that it held when it was opened.
func (j *Journal) Newest() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lastRev
}

// DeliverTo says who takes changes, in order of revision, once their write has ended. It is
// called before the first Append.
func (j *Journal) DeliverTo(take func([]Change)) { j.deliver = take }

// Bytes is what the journal takes on disk.
func (j *Journal) Bytes() (n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.files {
		n += f.size
	}
	return n
}

// Health is the number of failed writes, and the error of the last write with the
// time since when they fail.
func (j *Journal) Health() (failures uint64, since time.Time, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failing != 0 {
		since = time.Unix(0, j.failing)
	}
	return j.failures, since, j.failure
}

// Close ends appending; what waits is written first.
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
