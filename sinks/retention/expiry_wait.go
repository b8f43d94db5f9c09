package retention

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
)

// waitFile stores the wait of a mass expiry across restarts: a recorder that is switched off
// each night never runs for a day.
const waitFile = ".spool-expiry.json"

type keptWait struct {
	Since  time.Time `json:"since"`
	Clock  time.Time `json:"clock"` // time of writing
	Waited int64     `json:"waited_s"`
}

// keepWait writes the file at each look while a mass expiry waits. It does not sync, so that
// it wakes no disk: after a power cut the file may be old, empty or truncated, and that part
// of the wait is repeated. The file never holds more than the time that passed.
func (k *Keeper) keepWait() {
	text, err := json.Marshal(keptWait{k.expiry.since, k.clock.Now.UTC(), int64(k.expiry.waited / time.Second)})
	if err == nil {
		err = k.writeWait(append(text, '\n'))
	}
	if err != nil {
		k.deps.Log.Debug("the wait of a mass expiry was not stored: after a restart it begins again", "file", filepath.Join(k.deps.Dir, waitFile), "error", err)
	}
}

func (k *Keeper) writeWait(text []byte) error {
	const unfinished = waitFile + durable.Unfinished
	_ = k.index.root.Remove(unfinished) // left by a crash, or a link
	f, err := k.index.root.OpenFile(unfinished, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = k.index.root.Rename(unfinished, waitFile)
	}
	return err
}

func (k *Keeper) forgetWait() { _ = k.index.root.Remove(waitFile) }

// longOff is the longest time off after which the wait goes on. After a longer one it is a
// new mass expiry, or the clock is ahead.
const longOff = 7 * day

// readWait restores the wait of an earlier run, unless the clock has gone back since, or far
// ahead.
func (k *Keeper) readWait(now time.Time) {
	var kept keptWait
	text, err := filesystem.Own{Top: k.deps.Dir}.ReadOurs(filepath.Join(k.deps.Dir, waitFile), 4096)
	if errors.Is(err, filesystem.ErrNotOurs) {
		k.deps.Log.Warn("the stored wait of a mass expiry is ignored: it begins again", "error", err)
	}
	if err != nil || json.Unmarshal(text, &kept) != nil || kept.Since.After(now) || kept.Clock.After(now) || now.Sub(kept.Clock) > longOff {
		return
	}
	k.expiry.since = kept.Since
	k.expiry.waited = time.Duration(max(min(kept.Waited, int64(secondLook/time.Second)), 0)) * time.Second
}
