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

// stopsFile is the file with the manual stops: for each scheduled stream, the time at which a client
// stopped its recording. With it, spool does not begin the recording again after a restart within the
// same window of the schedule.
type stopsFile struct {
	path string
	mu   sync.Mutex           // guards the fields below
	kept map[string]time.Time // content of the file, by stream path
}

// KeepStops writes the file of manual stops (see stopsFile) if they have changed. It logs an error; the
// stops that it could not write hold only until a restart.
func (p *Set) KeepStops() {
	p.stops.mu.Lock()
	defer p.stops.mu.Unlock()
	stops := p.recorder.Stops(p.State().base.agenda.Streams()) // without the streams that no job records
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

// restoreStops reads the file of manual stops and passes them to the recorder. It ignores a file that
// cannot be read or that another user may have written, because it is safer to record too much than too
// little.
func (p *Set) restoreStops() {
	text, err := p.disk.ReadOurs(p.stops.path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(text, &p.stops.kept)
	}
	if errors.Is(err, filesystem.ErrNotOurs) && CheckDirectory(p.started) != nil {
		return // JudgeDirectory logs that all state in the directory is ignored
	}
	if err != nil {
		p.log.Warn("manual stops of an earlier run cannot be read: spool records all that the schedule asks for", "error", err)
		return
	}
	p.recorder.RestoreStops(p.stops.kept)
}
