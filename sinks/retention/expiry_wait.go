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

// waitFile is the name of the file in the record directory that stores for how long a mass expiry has
// been held back: the part of secondLook that has passed. A recorder that is switched off each night
// would otherwise never reach the day of secondLook.
const waitFile = ".spool-expiry.json"

// keptWait is the content of waitFile, as JSON.
type keptWait struct {
	Since  time.Time `json:"since"`    // when the mass expiry was first seen
	Clock  time.Time `json:"clock"`    // time of writing
	Waited int64     `json:"waited_s"` // seconds of secondLook that have passed
}

// keepWait writes waitFile. expire calls it in each full look while a mass expiry is held back.
// keepWait does not sync the file, which would wake a sleeping disk. After a power cut the file may
// therefore be old or damaged: a part of the wait is then repeated.
func (k *Keeper) keepWait() {
	text, err := json.Marshal(keptWait{k.expiry.since, k.clock.Now.UTC(), int64(k.expiry.waited / time.Second)})
	if err == nil {
		err = k.writeWait(append(text, '\n'))
	}
	if err != nil {
		k.deps.Log.Debug("the wait of a mass expiry was not stored: after a restart it begins again", "file", filepath.Join(k.deps.Dir, waitFile), "error", err)
	}
}

// writeWait replaces waitFile without following a link.
func (k *Keeper) writeWait(text []byte) error {
	const unfinished = waitFile + durable.Unfinished
	_ = k.index.root.Remove(unfinished) // a crash may have left it, or another program a link
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

// forgetWait removes waitFile, after the mass expiry has ended. It ignores errors.
func (k *Keeper) forgetWait() { _ = k.index.root.Remove(waitFile) }

// longOff is the longest time for which the recorder may be off so that the wait of a mass expiry
// (secondLook) continues at the next start. After a longer time the wait begins again, because other
// footage has expired, or the clock is wrong.
const longOff = 7 * day

// readWait restores from waitFile the wait of a mass expiry that began in an earlier run of the
// recorder. It ignores a file that is missing or damaged. It also ignores the file if now is before a
// time in the file, or more than longOff after the time of writing.
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
