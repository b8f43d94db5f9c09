package server

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// journalDir is the directory below the record path that holds the changes the database does
// not have yet.
const journalDir = ".spool-journal"

// CatalogueOptions returns the options with which every command opens the catalogue of a record
// directory. The caller sets Log and Tasks.
func CatalogueOptions(cfg *configs.Config, dir string, clock pipeline.Clock) (metadata.OpenOptions, error) {
	o := metadata.OpenOptions{
		Driver: cfg.Database.Driver, DSN: cfg.Database.DSN.Reveal(),
		JournalDir: filepath.Join(dir, journalDir), Clock: clock,
	}
	return o, setNode(&o, cfg, dir)
}

// setNode sets the owner of the rows that a catalogue writes: the configured node name, or the
// identity of the record directory, whatever the host name is. Rows under names that this
// recorder may have had before remain its own if the file proves it: see metadata.OpenOptions.
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

// identityOf returns a function that reads the directory's identity until one exists. id is the
// identity if it is known already.
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
