package footage

import (
	"context"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Catalogue has the rows. A change returns without error once it was taken, though a
// crash may lose it as long as the journal cannot be written. Each method answers within a
// bounded time, whatever the database does. Errors of the catalogue are passed on.
type Catalogue interface {
	Record(ctx context.Context, id media.ID) (media.Record, error)
	// Put and PutEvents do not wait for the database, nor does Forget for one that
	// is known to be down.
	Put(ctx context.Context, rec media.Recording) error
	PutEvents(ctx context.Context, rec media.Recording, events ...media.Event) error
	SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error)
	Delete(ctx context.Context, id media.ID) error
	Forget(ctx context.Context, files []media.DeletedFile) error
}

// Files are those below the record directory; paths are slash-separated and relative to
// it. An error that is fs.ErrNotExist says that a file is gone. Where an error is not one
// of the system, the file is not that of the recording, or does not say whose it is.
type Files interface {
	// Belongs makes sure that a file is that of a recording; it may be growing.
	Belongs(path string, id media.ID) error
	// Protected is Belongs, and tells whether the file, or what is known beside it,
	// says that it is protected.
	Protected(path string, id media.ID) (bool, error)
	// SetProtected and AddEvents change what a recording's file, or what is known
	// beside it, says, and return when that is durable.
	SetProtected(path string, id media.ID, protected bool) error
	AddEvents(path string, id media.ID, events []media.Event) error
	// Remove deletes a file. That it is gone already is no error.
	Remove(path string) error
	// Forget removes what is known of a recording beside its file, which is gone. What
	// is left by an error is an orphan that the next comparison with the disk removes.
	Forget(id media.ID) error
}

// Options are what a store needs.
type Options struct {
	Catalogue Catalogue
	Index     Index
	Files     Files
	Clock     pipeline.Clock

	Patience   time.Duration // of a change for another one of its recording: 10 s
	RowWait    time.Duration // of an eviction for the database: 1 s; without an answer the file's word counts
	SearchWait time.Duration // of a search for the mark of a file that ends at this moment: 2 s

	Deleted  func(path string) // told of a file that Delete deleted
	Mistaken func()            // told when a file is not touched because it is not that of its recording
}

// Store changes files with their rows. Its methods are safe for concurrent use.
type Store struct {
	Options
	changing claims
	silence  silence

	searching chan struct{} // holds one for each search that asks the database
}

// maxSearches bounds those that ask the database at once.
const maxSearches = 4

// New makes the store of a record directory and its catalogue.
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

// own reads the row of a recording that this recorder has the file of.
func (s *Store) own(ctx context.Context, id media.ID) (media.Record, error) {
	r, err := s.Catalogue.Record(ctx, id)
	if err == nil && r.Elsewhere {
		err = &ElsewhereError{Node: r.Node}
	}
	return r, err
}
