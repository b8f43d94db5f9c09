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
	RotateBytes    = 1 << 20   // size of a file after which the next write begins a new one
	SpareBytes     = 256 << 10 // allocated in each file beyond RotateBytes: a full disk still stores some hundred rows
	maxUnsafeBytes = 4 << 20   // bound of Journal.unsafe
)

// Errors that callers act on.
var (
	// ErrNotDurable reports that the change is delivered, but that the journal could not be
	// written: a crash before the database commits the change loses it.
	ErrNotDurable = errors.New("the journal cannot be written")
	// ErrJournalTaken reports that another process has locked the journal.
	ErrJournalTaken = errors.New("another process has it")
	// ErrClosed reports that the journal has been closed: the change is dropped.
	ErrClosed = errors.New("the catalogue is closed")
)

// Journal is the append-only log of changes. Its methods are safe for concurrent use, except
// DeliverTo. Append blocks until its change is written and synced; concurrent calls share one write
// and one fdatasync.
type Journal struct {
	disk   Medium
	id     [16]byte
	unlock func() error // releases the lock of the directory
	nowNS  func() int64 // returns nanoseconds since 1970 UTC

	mu             sync.Mutex     // guards the fields below, once the journal is open
	done           sync.Cond      // signals the end of a write
	lastRev        int64          // highest revision that was given to a change
	buf            []byte         // records of the next write
	bufOps         []Change       // the changes in buf
	writing        bool           // a goroutine performs a write, with mu unlocked
	written        int64          // revision up to which the write of every change has ended, with or without an error
	file           File           // the file that is open for writing; nil: the next write creates one
	fileBytes      int64          // size of file
	files          []journalFile  // all files, the oldest first; the last of them is the open one, if file is set
	unsafe         []byte         // records whose write failed: the next write repeats them in a new file
	failure        error          // error of the last write; nil if it succeeded
	failures       uint64         // number of failed writes
	failingSinceNS int64          // when writes began to fail, nanoseconds since 1970 UTC; 0 while they succeed
	closed         bool           // Close was called
	deliver        func([]Change) // see DeliverTo
}

// journalFile describes one file of the journal. Invariant: no record in the file has a revision
// above last.
type journalFile struct {
	name      string
	last      int64
	sizeBytes int64
}

// Append writes a change to the journal, delivers it, and returns its revision. The revision is
// higher than floor and than every earlier one. Append sets the row's revision; the caller must not
// change the row afterwards. If the error is ErrNotDurable, the change was delivered but not
// written; after any other error it was dropped.
func (j *Journal) Append(kind Kind, r *row.Row, floor int64) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	rev, err := j.take(kind, r, floor)
	if err != nil {
		return 0, err
	}
	return rev, j.awaitLocked(rev)
}

// Gather adds a change to the journal's next write and returns its revision, with the rules of
// Append. It does not wait: the caller calls Await, which performs the write, with the highest of
// the revisions that it has got.
func (j *Journal) Gather(kind Kind, r *row.Row, floor int64) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.take(kind, r, floor)
}

// take does the work of Gather. The caller has locked j.mu.
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

// Await waits until the changes up to a revision that Gather returned are written and delivered. It
// returns ErrNotDurable if the last write failed.
func (j *Journal) Await(rev int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.awaitLocked(rev)
}

// awaitLocked does the work of Await. The caller has locked j.mu.
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

// flush writes the gathered changes, for all callers that wait, and delivers them. If the write
// fails, flush keeps the records in j.unsafe for the next write. The caller has locked j.mu, and no
// other goroutine is writing; flush unlocks j.mu during the write.
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
		if len(j.unsafe) > maxUnsafeBytes { // the changes are delivered, and may reach the database without the journal
			j.unsafe = nil
		}
	} else {
		j.unsafe, j.failingSinceNS = nil, 0
	}
	j.written = ops[len(ops)-1].Revision
	j.deliver(ops)
	j.done.Broadcast()
}

// write appends the records b, with revisions from first to last, to the open file or to a new one,
// and syncs the file. Only one goroutine calls it at a time. After an error of a write or a sync
// the next call begins a new file, since it is unknown which pages of the old file the kernel has
// written.
func (j *Journal) write(b []byte, first, last int64) error {
	if j.file == nil || j.fileBytes >= RotateBytes {
		if err := j.rotate(first); err != nil && j.file == nil { // if no file can be created, the open one grows further
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

// rotate creates the next file, named by base, the lowest revision that the file may hold. It syncs
// the directory, because the file could otherwise be missing after a power cut.
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

// header returns the header of a file whose lowest revision is base.
func (j *Journal) header(base int64) []byte {
	b := append(make([]byte, 0, headerBytes), fileMagic...)
	b = append(b, j.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(base))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// Trim removes the files whose changes are all in the database. It keeps the newest file, from
// which the next process reads the highest revision. Trim calls applied with the revision up to
// which changes were delivered; applied returns the revision up to which the database has them.
// Trim returns the joined errors of the removals.
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

// Identity returns the journal's ID in hexadecimal. Restarts do not change it.
func (j *Journal) Identity() string { return fmt.Sprintf("%x", j.id) }

// Newest returns the highest revision that was given to a change, by this process or an earlier one.
func (j *Journal) Newest() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lastRev
}

// DeliverTo sets the function that receives the changes, in order of revision, each after its write
// has ended. The function must not call the journal. Call DeliverTo before the first Append or
// Gather.
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

// Health returns the number of failed writes, the time at which writes began to fail (zero while they
// succeed), and the error of the last write.
func (j *Journal) Health() (failures uint64, since time.Time, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failingSinceNS != 0 {
		since = time.Unix(0, j.failingSinceNS)
	}
	return j.failures, since, j.failure
}

// Close makes later calls of Append and Gather return ErrClosed. It waits until Append and Await
// have written the earlier changes, closes the file, and unlocks the directory. It waits without
// end for a change that was added by Gather if Await is not called for the change.
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
