package footage

import (
	"context"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Catalogue stores the rows. A change that returns nil is accepted, and is durable unless the
// catalogue's journal cannot be written at the moment. Each method returns within a bounded time,
// even when the database hangs. The Store passes the catalogue's errors on.
type Catalogue interface {
	// Record returns the row of a recording.
	Record(ctx context.Context, id media.ID) (media.Record, error)
	// Put adds a row or replaces it. It does not wait for the database.
	Put(ctx context.Context, rec media.Recording) error
	// PutEvents links a recording to events. It does not wait for the database.
	PutEvents(ctx context.Context, rec media.Recording, events ...media.Event) error
	// SetProtected sets or clears the protection in a row, and returns the row.
	SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error)
	// Delete deletes a row.
	Delete(ctx context.Context, id media.ID) error
	// Forget deletes the rows of deleted files. It does not wait for a database that is known to
	// be down.
	Forget(ctx context.Context, files []media.DeletedFile) error
}

// Files accesses the recordings' files below the record directory, and their facts (package
// facts). Paths are slash-separated and relative to that directory. A method that gets a path and
// an ID returns fs.ErrNotExist if the file is gone, and an error of the operating system if the
// file cannot be read or written; any other error means that the file carries the ID of another
// recording, or none.
type Files interface {
	// Belongs returns nil if a file carries a recording's ID. The file may be growing.
	Belongs(path string, id media.ID) error
	// Protected returns the errors of Belongs, and reports whether the file or its facts protect
	// the recording.
	Protected(path string, id media.ID) (bool, error)
	// SetProtected sets or clears the protection in a file or its facts. The change is durable
	// when it returns.
	SetProtected(path string, id media.ID, protected bool) error
	// AddEvents adds events to a file or its facts. The change is durable when it returns.
	AddEvents(path string, id media.ID, events []media.Event) error
	// Remove deletes a file. It returns no error if the file is gone already.
	Remove(path string) error
	// Forget removes the facts of a recording whose file is gone. Facts that it fails to remove
	// stay until the next reconciliation.
	Forget(id media.ID) error
}

// Options configures a Store.
type Options struct {
	Catalogue Catalogue
	Index     Index
	Files     Files
	Clock     pipeline.Clock

	Patience   time.Duration // longest wait of a change for another change of the same recording; 0: 10 s
	RowWait    time.Duration // longest wait of an eviction for a row, before it relies on the file alone; 0: 1 s
	SearchWait time.Duration // longest wait of Find for growing files; 0: 2 s

	Deleted  func(path string) // Delete calls it with the recording's path, before it deletes the row
	Mistaken func()            // the Store calls it when it leaves a file that does not belong to its recording
}

// Store changes the files of one record directory together with their rows. Its methods are safe
// for concurrent use.
type Store struct {
	Options
	changing claims
	silence  silence

	searching chan struct{} // a semaphore: it holds one element for each call of Find that queries the database
}

// maxSearches is the number of calls of Find that may query the database at the same time.
const maxSearches = 4

// New returns a Store. It replaces durations of o that are 0 by their default.
func New(o Options) *Store {
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	if o.RowWait <= 0 {
		o.RowWait = time.Second
	}
	if o.SearchWait <= 0 {
		o.SearchWait = 2 * time.Second
	}
	return &Store{Options: o, changing: claims{held: map[media.ID]chan struct{}{}}, searching: make(chan struct{}, maxSearches)}
}

// own returns the row of this recorder's recording. It returns an ElsewhereError if the file is on
// the disk of another recorder.
func (s *Store) own(ctx context.Context, id media.ID) (media.Record, error) {
	r, err := s.Catalogue.Record(ctx, id)
	if err == nil && r.Elsewhere {
		err = &ElsewhereError{Node: r.Node}
	}
	return r, err
}
