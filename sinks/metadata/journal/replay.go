package journal

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
)

// Replayed is the content of a journal when it was opened.
type Replayed struct {
	Changes      []Change // in order of revision, each once
	DamagedBytes int64    // number of bytes that belong to no intact record
	Notes        []string // a line about each damaged file

	// Newer is the highest revision of the changes that only a newer version of spool can read. It
	// is 0 if the journal has no such change, and math.MaxInt64 if a file has an unknown format.
	Newer      int64
	NewerNotes []string // a line about each file with changes that only a newer version can read

	// Unused is the reason why the directory is neither read nor written: a symbolic link leads to
	// it. Append then always returns ErrNotDurable. It is nil if the directory is used.
	Unused error
}

// Open opens the journal in the directory dir. It creates the directory by above if the directory
// is missing, locks it for this process, and reads the changes of earlier processes. It creates no
// journal file before the first change. nowNS returns nanoseconds since 1970 UTC. Open returns
// ErrJournalTaken if another process has locked the directory, and the errors of the file system.
func Open(above durable.FS, dir string, nowNS func() int64) (*Journal, Replayed, error) {
	on := In(filepath.Dir(dir), dir)
	err := durable.MkdirAll(above, dir, 0o700)
	if errors.Is(err, filesystem.ErrNotBelow) {
		return unused(err, nowNS)
	}
	if err != nil {
		return nil, Replayed{}, fmt.Errorf("journal: %w", err)
	}
	unlock, err := System.LockPath(on.own, filepath.Join(dir, "lock"))
	if errors.Is(err, filesystem.ErrLocked) {
		return nil, Replayed{}, fmt.Errorf("journal %s: %w; stop that process, or use its API", dir, ErrJournalTaken)
	}
	if errors.Is(err, filesystem.ErrNotBelow) {
		return unused(err, nowNS)
	}
	if err != nil {
		return nil, Replayed{}, fmt.Errorf("journal: %w", err)
	}
	j, got, err := readJournal(on, nowNS)
	if err != nil {
		return nil, got, errors.Join(err, unlock())
	}
	j.unlock = unlock
	return j, got, nil
}

// unused returns a journal whose writes all fail with the error why: it delivers changes, but they
// are not durable.
func unused(why error, nowNS func() int64) (*Journal, Replayed, error) {
	j, got, err := readJournal(refused{why}, nowNS)
	j.unlock = func() error { return nil }
	j.failure, j.failingSinceNS, j.failures = why, nowNS(), 1
	got.Unused = why
	return j, got, err
}

// readJournal returns the journal of the directory on, and the content of its files. It does not
// lock the directory.
func readJournal(on Medium, nowNS func() int64) (*Journal, Replayed, error) {
	j := &Journal{disk: on, nowNS: nowNS, deliver: func([]Change) {}}
	j.done.L = &j.mu
	_, _ = rand.Read(j.id[:]) // an existing file replaces this ID
	got, err := j.replay()
	j.written = j.lastRev
	return j, got, err
}

// replay reads all files, and returns their changes in order of revision, each once.
func (j *Journal) replay() (got Replayed, err error) {
	names, err := j.disk.List()
	if err != nil {
		return got, fmt.Errorf("journal: %w", err)
	}
	slices.Sort(names) // by age: the names are revisions of equal width
	for _, name := range names {
		if !strings.HasSuffix(name, fileSuffix) {
			continue
		}
		if err := j.readFile(name, &got); err != nil {
			return got, err
		}
	}
	// A record is in two files if its first write failed after it had reached the disk.
	slices.SortStableFunc(got.Changes, func(a, b Change) int { return cmp.Compare(a.Revision, b.Revision) })
	got.Changes = slices.CompactFunc(got.Changes, func(a, b Change) bool { return a.Revision == b.Revision })
	return got, nil
}

// readFile reads one file and adds its content to got.
func (j *Journal) readFile(name string, got *Replayed) error {
	b, err := j.disk.Read(name)
	if errors.Is(err, filesystem.ErrNotBelow) {
		got.Notes = append(got.Notes, err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	f := journalFile{name: name, sizeBytes: int64(len(b))}
	headBytes := min(len(b), headerBytes)
	damagedBytes, newer := 0, 0
	id, base, format, ok := parseHeader(b)
	switch {
	case ok && format != fileMagic: // Trim must not remove it: last is the highest value
		j.id, j.lastRev = id, max(j.lastRev, base)
		got.Newer = math.MaxInt64
		got.NewerNotes = append(got.NewerNotes, fmt.Sprintf("%s: format %.8q", name, format))
		f.last = math.MaxInt64
		j.files = append(j.files, f)
		return nil
	case ok:
		j.id, f.last = id, base-1
	default:
		// The header is damaged or incomplete; records may follow, each with a checksum of its own.
		damagedBytes += headBytes
		if next := bytes.Index(b, recordMarker); next >= 0 {
			headBytes, damagedBytes = next, next
		}
	}
	damagedBytes += scanRecords(b[headBytes:], func(o Change) {
		f.last = max(f.last, o.Revision)
		if o.Row == nil {
			newer++
			got.Newer = max(got.Newer, o.Revision)
			return
		}
		got.Changes = append(got.Changes, o)
	})
	if newer > 0 {
		got.NewerNotes = append(got.NewerNotes, fmt.Sprintf("%s: %d changes of an unknown kind", name, newer))
	}
	if damagedBytes > 0 {
		got.DamagedBytes += int64(damagedBytes)
		got.Notes = append(got.Notes, fmt.Sprintf("%s: %d of %d bytes are not whole records", name, damagedBytes, len(b)))
	}
	j.lastRev = max(j.lastRev, f.last)
	j.files = append(j.files, f)
	return nil
}

// parseHeader reads a file's header, which has the same form in all formats. It returns the
// journal's ID, the lowest revision of the file, and the magic (format). ok is false if the header
// is damaged.
func parseHeader(b []byte) (id [16]byte, base int64, format string, ok bool) {
	if len(b) < headerBytes || string(b[:len(magicPrefix)]) != magicPrefix ||
		crc32.Checksum(b[:32], castagnoli) != binary.LittleEndian.Uint32(b[32:]) {
		return id, 0, "", false
	}
	base = int64(binary.LittleEndian.Uint64(b[24:]))
	return [16]byte(b[8:24]), base, string(b[:8]), base > 0
}
