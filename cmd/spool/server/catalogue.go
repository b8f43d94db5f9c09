package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/export/recorded"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/play"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// journalDir is the directory of the catalogue's journal below the record directory.
const journalDir = ".spool-journal"

// CatalogueOptions returns the options with which each command of spool opens the catalogue of the
// record directory dir. The caller adds Log and Tasks. It returns an error if the recorder has no
// configured name and the directory's identity, which then names it, cannot be read or written.
func CatalogueOptions(cfg *configs.Config, dir string, clock pipeline.Clock) (metadata.OpenOptions, error) {
	o := metadata.OpenOptions{
		Driver: cfg.Database.Driver, DSN: cfg.Database.DSN.Reveal(),
		JournalDir: filepath.Join(dir, journalDir), Clock: clock,
	}
	return o, setNode(&o, cfg, dir)
}

// setNode sets the node name that the catalogue stores with each row: the setting node.name, or
// without it the identity of the record directory. It does not depend on the host name. In o.Former it
// lists the names that this recorder may have had before; the catalogue gives the rows with such a
// name the present name if their files are in this directory.
func setNode(o *metadata.OpenOptions, cfg *configs.Config, dir string) error {
	o.Node = cfg.Node.Name
	id, err := disk.Identity(dir, o.Node == "")
	if err != nil && o.Node == "" {
		return fmt.Errorf("mp4.record_path: node.name is not set, and the identity kept in this directory, which names the recorder, cannot be read or written: %w", err)
	}
	if o.Node == "" {
		o.Node = id
	}
	o.Directory = identityOf(dir, id)
	place := metadata.PlaceOf(dir)
	o.Place = &place
	host, _ := os.Hostname() // earlier versions used the host name
	for _, name := range []string{host, id} {
		if name != "" && name != o.Node {
			o.Former = append(o.Former, name)
		}
	}
	return nil
}

// identityOf returns a function that returns the identity of the record directory dir, or "" while the
// directory has none. The function reads the directory until it finds an identity, and then keeps it.
// id is the identity if the caller knows it, else "".
func identityOf(dir, id string) func() string {
	var known atomic.Pointer[string]
	if id != "" {
		known.Store(&id)
	}
	return func() string {
		if id := known.Load(); id != nil {
			return *id
		}
		id, err := disk.Identity(dir, false)
		if err == nil && id != "" {
			known.Store(&id)
		}
		return id
	}
}

// Footage is the footage of a record directory, for a command that runs beside the recorder or without one. The caller
// closes it.
type Footage struct {
	Source bundle.Source
	Node   string // name of the recorder

	catalogue *metadata.Catalogue
	tasks     *pipeline.Tasks
	journal   string // a temporary directory
}

// footageWait is the time in which the database must answer.
const footageWait = 30 * time.Second

// OpenFootage opens the footage of a configuration's record directory for reading. It changes no row and no file, except
// that it builds missing sample indexes.
func OpenFootage(ctx context.Context, cfg *configs.Config, clock pipeline.Clock) (_ *Footage, err error) {
	dir, err := filepath.Abs(cfg.MP4.RecordPath)
	if err == nil {
		_, err = os.Stat(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("mp4.record_path: %w", err)
	}
	log := slog.New(slog.DiscardHandler)
	o, err := CatalogueOptions(cfg, dir, clock)
	if err != nil {
		return nil, err
	}
	f := &Footage{tasks: pipeline.NewTasks(log, clock)}
	if f.journal, err = os.MkdirTemp("", "spool-journal-"); err != nil {
		return nil, err
	}
	o.Log, o.Tasks, o.JournalDir, o.Guest = log, f.tasks, f.journal, true
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if f.catalogue, err = metadata.Open(ctx, o); err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, footageWait)
	defer cancel()
	if err := f.catalogue.Ready(waiting); err != nil {
		return nil, err
	}
	f.Node = f.catalogue.Node()
	own := files{dir}
	f.Source = recorded.Source{Player: &play.Player{
		Library: &clip.Library{
			Files: playback.NewDir(dir, growing(dir)), Indexes: sampleindex.In(dir),
			Belongs: func(_ *os.File, name string, id media.ID) error { return own.Belongs(name, id) },
		},
		Catalogue: f.catalogue, Readers: &playback.Readers{}, Now: clock.Now,
	}}
	return f, nil
}

// Close ends the reading.
func (f *Footage) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), footageWait)
	defer cancel()
	var err error
	if f.catalogue != nil {
		err = f.catalogue.Close(ctx)
	}
	return errors.Join(err, f.tasks.Stop(ctx), os.RemoveAll(f.journal))
}
