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

// stopsFile stores when scheduled streams were stopped manually, so that a restart within a
// window does not resume a recording that an operator ended.
type stopsFile struct {
	path string
	mu   sync.Mutex           // guards the fields below
	kept map[string]time.Time // the content of the file
}

// KeepStops writes the manual stops if they changed. A stop that cannot be stored is logged and
// remains in effect until a restart.
func (p *Set) KeepStops() {
	p.stops.mu.Lock()
	defer p.stops.mu.Unlock()
	stops := p.recorder.Stops(p.State().base.agenda.Streams()) // a stop only holds within a window of the schedule
	if maps.EqualFunc(stops, p.stops.kept, time.Time.Equal) {
		return
	}
	text, err := json.Marshal(stops)
	if err == nil {
		err = durable.Replace(p.disk, p.stops.path, append(text, '\n'), 0o600)
	}
	if err != nil {
		p.log.Error("a manual stop could not be stored: a restart resumes the recording", "error", err)
		return
	}
	p.stops.kept = stops
}

// restoreStops reads the file. It ignores a file that is unreadable or that another user may
// have written: recording too much is the safer fault.
func (p *Set) restoreStops() {
	text, err := p.disk.ReadOurs(p.stops.path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(text, &p.stops.kept)
	}
	if errors.Is(err, filesystem.ErrNotOurs) && CheckDirectory(p.started) != nil {
		return // JudgeDirectory reports all such state
	}
	if err != nil {
		p.log.Warn("manual stops of an earlier run cannot be read: spool records all that the schedule asks for", "error", err)
		return
	}
	p.recorder.RestoreStops(p.stops.kept)
}
