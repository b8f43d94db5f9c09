package footage

import (
	"context"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Catalogue stores the rows. A change returns without error once the catalogue has accepted
// it; a crash may lose it while the journal cannot be written. Each method returns within a
// bounded time, even when the database hangs. The Store passes the catalogue's errors on.
type Catalogue interface {
	Record(ctx context.Context, id media.ID) (media.Record, error)
	// Put and PutEvents do not wait for the database. Forget does not wait for a
	// database that is known to be down.
	Put(ctx context.Context, rec media.Recording) error
	PutEvents(ctx context.Context, rec media.Recording, events ...media.Event) error
	SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error)
	Delete(ctx context.Context, id media.ID) error
	Forget(ctx context.Context, files []media.DeletedFile) error
}

// Files accesses the files below the record directory. Paths are slash-separated and relative
// to it. An error that is fs.ErrNotExist means that a file is gone. An error that is not one
// of the operating system means that the file does not belong to the recording, or carries no
// ID.
type Files interface {
	// Belongs checks that a file carries a recording's ID; the file may be growing.
	Belongs(path string, id media.ID) error
	// Protected checks as Belongs does, and reports whether the file, or the facts kept
	// beside it, mark it as protected.
	Protected(path string, id media.ID) (bool, error)
	// SetProtected and AddEvents change a recording's file, or the facts kept beside
	// it, and return when the change is durable.
	SetProtected(path string, id media.ID, protected bool) error
	AddEvents(path string, id media.ID, events []media.Event) error
	// Remove deletes a file. It returns no error if the file is gone already.
	Remove(path string) error
	// Forget removes the facts kept beside a recording's file, which is gone. After an
	// error the next reconciliation removes the rest.
	Forget(id media.ID) error
}

// Options configures a Store.
type Options struct {
	Catalogue Catalogue
	Index     Index
	Files     Files
	Clock     pipeline.Clock

	Patience   time.Duration // how long a change waits for another change of the same recording; default 10 s
	RowWait    time.Duration // how long an eviction waits for the database before it relies on the file alone; default 1 s
	SearchWait time.Duration // how long Find waits for a file that is about to end to get its mark; default 2 s

	Deleted  func(path string) // called with the path of each file that Delete removed
	Mistaken func()            // called when a file stays because it does not belong to its recording
}

// Store changes files with their rows. Its methods are safe for concurrent use.
type Store struct {
	Options
	changing claims
	silence  silence

	searching chan struct{} // a semaphore: one element per search that queries the database
}

// maxSearches is the number of searches that may query the database at the same time.
const maxSearches = 4

// New returns the store of a record directory and its catalogue.
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

// own reads a recording's row and returns ElsewhereError if another recorder holds the file.
func (s *Store) own(ctx context.Context, id media.ID) (media.Record, error) {
	r, err := s.Catalogue.Record(ctx, id)
	if err == nil && r.Elsewhere {
		err = &ElsewhereError{Node: r.Node}
	}
	return r, err
}
