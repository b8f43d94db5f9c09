package mp4

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// salvage closes the open file after an error, if there is one. If a recording of the file was
// emitted (announce), salvage finishes the file and emits the recording again; if an fsync of
// the file failed, it leaves the file to recovery instead. If none was emitted, it removes the
// file: the caller still has its only chunk.
func (m *Muxer) salvage(emit pipeline.Emit[media.Recording]) error {
	f := m.file
	switch {
	case f == nil:
		return nil
	case !m.announced:
		name, path := f.name, m.path
		m.drop()
		err := m.fs.Remove(name)
		disk.Prune(m.fs, name)
		m.growth.Closed(path, path)
		if err != nil {
			m.onUnfinished(path)
			return disk.NewError("remove", name, 0, err)
		}
		return nil
	case f.syncFail != nil:
		defer m.drop()
		return m.unfinished(endcause.Error, emit)
	}
	return m.finish(endcause.Error, emit)
}

// finish finishes, renames and closes the open file, if any, and emits its recording. If that
// fails, it closes the file, emits the recording in state recording and leaves the file to
// recovery. If only the sync of the new name fails, it emits the finished recording and returns
// the error. If another program deleted the file, it emits the recording in state lost.
func (m *Muxer) finish(reason media.Cause, emit pipeline.Emit[media.Recording]) error {
	f := m.file
	if f == nil {
		return nil
	}
	defer m.drop()
	began := m.clock.Now()
	written, err := f.finish(media.StateFinished, reason)
	if err != nil {
		m.stats.failed(err)
		f.gapBehind = f.gapBehind && f.committed // recovery of an uncommitted file will list all gaps of its chunks
		return errors.Join(fmt.Errorf("finish: %w; the file is left for recovery", err), m.unfinished(reason, emit))
	}
	final, named := disk.Publish(m.fs, f.name, f.noSync)
	if final == "" && m.deleted(named) {
		return m.lost(reason, emit)
	}
	if named != nil {
		m.stats.failed(named)
	}
	if final == "" {
		return errors.Join(named, m.unfinished(reason, emit))
	}
	m.final = final
	m.countProtected(f)
	took := m.clock.Now().Sub(began)
	m.stats.finished(f, final, written, took)
	m.timings.Finished(took)
	r, err := m.recording(final)
	if err != nil {
		return err
	}
	if err := m.keepIndex(f, r.ID); err != nil {
		m.log.Warn("the sample index of a recording was not written: it is built from the file when it is needed", "file", m.shown(final), "error", err)
	}
	m.log.Info("recording finished", "file", m.shown(final), "reason", string(reason),
		"duration", time.Duration(r.DurationNS).Round(time.Millisecond), "bytes", f.sizeBytes,
		"start", at(r.StartUTC).UTC(), "end", at(r.EndUTC).UTC(), "finish_wrote", written, "finish_took", took.Round(time.Microsecond))
	if f.asGrown {
		m.log.Warn("the file has no index, and some players cannot seek in it: there was no room for an index; a longer fragment_duration needs less room", "file", m.shown(final))
	}
	return errors.Join(named, emit(r))
}

// keepIndex writes the sample index of the open file, which is finished and has its final name.
func (m *Muxer) keepIndex(f *file, id media.ID) error {
	if m.standalone {
		return nil
	}
	info, err := m.fs.Stat(m.final)
	if err != nil {
		return err
	}
	text, err := f.sampleIndex(id, sampleindex.Modified(info))
	if err != nil {
		return err
	}
	store := m.indexes(m.fs, m.dir)
	if f.noSync {
		store = store.Unsynced()
	}
	return store.Write(id, text)
}

// unfinished emits the recording of the open file with its present end and the state recording:
// recovery will finish the file.
func (m *Muxer) unfinished(reason media.Cause, emit pipeline.Emit[media.Recording]) error {
	f := m.file
	f.conclude(media.StateRecording, reason)
	r, err := m.recording(f.name)
	if err != nil {
		return err
	}
	return emit(r)
}

// deleted reports whether err, the error of a rename, means that another program deleted the
// open file. It returns false if the record directory is gone too, as with an unmounted disk.
func (m *Muxer) deleted(err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	same, err := m.fs.Same()
	if err != nil || !same {
		return false
	}
	_, err = m.fs.Stat(m.file.name)
	return errors.Is(err, fs.ErrNotExist)
}

// lost emits the recording of the open file, which another program deleted, in state lost.
func (m *Muxer) lost(reason media.Cause, emit pipeline.Emit[media.Recording]) error {
	f := m.file
	m.log.Error("another program deleted the file of a recording while it grew", "file", m.shown(f.name),
		"duration", time.Duration(f.durationNS()).Round(time.Millisecond), "bytes", f.sizeBytes)
	f.conclude(media.StateLost, reason)
	r, err := m.recording(strings.TrimSuffix(f.name, media.PartSuffix))
	if err != nil {
		return err
	}
	m.announced = false // else drop would report the file, which is gone, to OnUnfinished
	return emit(r)
}

// drop closes the open file, finished or not, if there is one. It reports a file that is not
// finished to OnUnfinished, if a recording of the file was emitted (announce).
func (m *Muxer) drop() {
	if m.file == nil {
		return
	}
	if err := m.file.f.Close(); err != nil {
		m.log.Warn("closing a recording failed", "file", m.file.name, "error", err)
	}
	disk.Unregister(m.path)
	if m.final != "" {
		m.growth.Closed(m.path, filepath.Join(m.dir, m.final))
	} else {
		m.growth.Closed(m.path, m.path)
		if m.announced {
			m.onUnfinished(m.path)
		}
	}
	m.file, m.live, m.path, m.final = nil, nil, "", ""
	m.stats.recording.Store(false)
}
