package declared

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
)

// stopsFile keeps when streams with a schedule were stopped by hand, so that a
// restart in the middle of a window does not begin again what somebody ended.
type stopsFile struct {
	path string
	mu   sync.Mutex           // guards what follows
	kept map[string]time.Time // as the file has it
}

// KeepStops writes what has changed. A stop counts though it could not be kept:
// that is logged, and costs a recording too many after a restart.
func (p *Set) KeepStops() {
	p.stops.mu.Lock()
	defer p.stops.mu.Unlock()
	stops := p.recorder.Stops(p.State().base.agenda.Streams()) // other streams have no window in which a stop holds
	if maps.EqualFunc(stops, p.stops.kept, time.Time.Equal) {
		return
	}
	text, err := json.Marshal(stops)
	if err == nil {
		err = durable.Replace(p.disk, p.stops.path, append(text, '\n'), 0o600)
	}
	if err != nil {
		p.log.Error("a stop by hand is not kept across a restart", "error", err)
		return
	}
	p.stops.kept = stops
}

// restoreStops reads the file. One that cannot be read, or that another user can have
// written, is as none: it is better
// to record too much.
func (p *Set) restoreStops() {
	text, err := p.disk.ReadOurs(p.stops.path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(text, &p.stops.kept)
	}
	if errors.Is(err, filesystem.ErrNotOurs) && Forgets(p.started) != nil {
		return // which is told of all that is kept there
	}
	if err != nil {
		p.log.Warn("stops by hand of before are not known: what the schedule wants is recorded", "error", err)
		return
	}
	p.recorder.RestoreStops(p.stops.kept)
}
