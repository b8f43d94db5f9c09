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

// waitFile keeps how long a mass expiry has waited over a restart: a recorder that
// is switched off each night never runs for a day.
const waitFile = ".spool-expiry.json"

type keptWait struct {
	Since  time.Time `json:"since"`
	Clock  time.Time `json:"clock"` // when it was written
	Waited int64     `json:"waited_s"`
}

// keepWait writes it each time that the keeper looks while something waits. It is not
// synced, since a disk need not be woken for it: after a power cut it is the one before,
// empty or by half, and what is lost of it is waited for again. It never says more than was.
func (k *Keeper) keepWait() {
	text, err := json.Marshal(keptWait{k.expiry.since, k.clock.Now.UTC(), int64(k.expiry.waited / time.Second)})
	if err == nil {
		err = k.writeWait(append(text, '\n'))
	}
	if err != nil {
		k.deps.Log.Debug("how long a mass expiry has waited is not kept: a restart begins anew", "file", filepath.Join(k.deps.Dir, waitFile), "error", err)
	}
}

func (k *Keeper) writeWait(text []byte) error {
	const unfinished = waitFile + durable.Unfinished
	_ = k.index.root.Remove(unfinished) // of a crash, or a link
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

// longOff is for how long a recorder may have been off for its waiting to go on: by a
// clock that has gone further it is another mass expiry, or the clock is ahead.
const longOff = 7 * day

// readWait takes up what an earlier run has waited, unless the clock went back since, or
// far ahead.
func (k *Keeper) readWait(now time.Time) {
	var kept keptWait
	text, err := filesystem.Own{Top: k.deps.Dir}.ReadOurs(filepath.Join(k.deps.Dir, waitFile), 4096)
	if errors.Is(err, filesystem.ErrNotOurs) {
		k.deps.Log.Warn("how long a mass expiry has waited is not believed: it begins anew", "error", err)
	}
	if err != nil || json.Unmarshal(text, &kept) != nil || kept.Since.After(now) || kept.Clock.After(now) || now.Sub(kept.Clock) > longOff {
		return
	}
	k.expiry.since = kept.Since
	k.expiry.waited = time.Duration(max(min(kept.Waited, int64(secondLook/time.Second)), 0)) * time.Second
}
