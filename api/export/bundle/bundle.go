package bundle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/gospool/spool/api/export/manifest"
)

// Maker is the recorder that makes exports.
type Maker struct {
	Recorder manifest.Recorder
	Key      manifest.Key
}

// Bundle is an export that is ready to be written: the footage of each stream is opened. It is for one user.
type Bundle struct {
	request   Request
	extension string
	media     []Media // of each of request.Streams
}

// Open opens the footage of a checked request. The error names the stream; it is ErrNoFootage if a stream has no
// footage in the span. The caller closes the bundle.
func Open(ctx context.Context, source Source, r Request) (*Bundle, error) {
	b := &Bundle{request: r}
	for _, f := range source.Formats() {
		if f.Name == r.Format {
			b.extension = f.Extension
		}
	}
	for _, stream := range r.Streams {
		m, err := source.Open(ctx, Span{stream, r.Start.UnixNano(), r.End.UnixNano(), r.Format, r.Gaps})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("stream %s: %w", stream, err), b.Close())
		}
		b.media = append(b.media, m)
	}
	return b, nil
}

// Close closes the footage.
func (b *Bundle) Close() (err error) {
	for _, m := range b.media {
		err = errors.Join(err, m.Close())
	}
	b.media = nil
	return err
}

// MediaBytes returns the bytes of footage that Write writes: an estimate if the format has no exact size.
func (b *Bundle) MediaBytes() (all int64) {
	for _, m := range b.media {
		bytes, _ := m.SizeBytes()
		all += bytes
	}
	return all
}

// OtherBytes is more than the bytes that Write writes beside MediaBytes.
func (b *Bundle) OtherBytes() int64 {
	gaps, unsure := 0, int64(0)
	for _, m := range b.media {
		gaps += len(m.Facts().Gaps) + len(m.Facts().Recordings)
		if bytes, exact := m.SizeBytes(); !exact {
			unsure += bytes / 4
		}
	}
	return 256<<10 + int64(gaps)*1024 + unsure
}

// Target is the place where Write makes files.
type Target interface {
	// Create creates a file of this name. Closing it makes it durable.
	Create(name string) (io.WriteCloser, error)
}

// Written is a file that Write has made.
type Written struct {
	Name      string
	SizeBytes int64
	SHA256    string // in hexadecimal digits
}

// Write writes the files of the export, the one with the footage first. created is the time for the manifest. It
// calls progress with each number of further bytes of footage. If it returns an error, the files are incomplete.
func (b *Bundle) Write(ctx context.Context, to Target, by Maker, created time.Time, progress func(bytes int)) ([]Written, error) {
	m := &manifest.Manifest{
		Name: b.request.Name, Recorder: by.Recorder, Created: created.UTC(), Start: b.request.Start, End: b.request.End,
		Gaps: string(b.request.Gaps), Key: by.Key.Info(),
	}
	w := &writer{ctx: ctx, to: to, progress: progress}
	if len(b.media) == 1 {
		return b.single(w, m, by.Key)
	}
	return b.archive(w, m, by.Key)
}

// single writes the file of one stream, its manifest and the signature.
func (b *Bundle) single(w *writer, m *manifest.Manifest, key manifest.Key) ([]Written, error) {
	file, err := b.footage(w.file(b.request.Name+b.extension), w, 0, b.request.Name+b.extension)
	if err != nil {
		return nil, err
	}
	m.Files = []manifest.File{file}
	text, err := m.Encode()
	if err != nil {
		return nil, err
	}
	beside := b.request.Name + "." + manifest.FileName
	err = errors.Join(w.bytes(beside, text), w.bytes(beside+manifest.SignatureSuffix, key.Sign(text)))
	return w.made, err
}

// archive writes the archive of several streams.
func (b *Bundle) archive(w *writer, m *manifest.Manifest, key manifest.Key) ([]Written, error) {
	out := w.file(b.request.Name + ".zip")
	if err := out.open(); err != nil {
		return nil, err
	}
	err := b.fill(NewArchive(out, m.Created), w, m, key)
	if err = errors.Join(err, out.Close()); err != nil {
		return nil, err
	}
	return w.made, nil
}

func (b *Bundle) fill(to *Archive, w *writer, m *manifest.Manifest, key manifest.Key) error {
	for i, name := range fileNames(b.request.Streams, b.extension) {
		entry := &lazily{create: func() (io.Writer, error) { return to.Create(name) }}
		file, err := b.footage(entry, w, i, name)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, file)
	}
	put := func(name string, text []byte) error {
		entry, err := to.Create(name)
		if err == nil {
			_, err = entry.Write(text)
		}
		return err
	}
	if b.extension == ".mp4" { // a browser plays it
		page, err := Player(m)
		if err == nil {
			err = put(PlayerName, page)
		}
		if err != nil {
			return err
		}
		m.Files = append(m.Files, manifest.File{
			Name: PlayerName, SizeBytes: int64(len(page)), SHA256: fmt.Sprintf("%x", sha256.Sum256(page)), Format: "html",
		})
	}
	text, err := m.Encode()
	if err != nil {
		return err
	}
	if err := put(manifest.FileName, text); err != nil {
		return err
	}
	if err := put(manifest.FileName+manifest.SignatureSuffix, key.Sign(text)); err != nil {
		return err
	}
	return to.Close()
}

// footage writes the footage of stream i to an open file, closes it, and returns its row of the manifest.
func (b *Bundle) footage(to io.WriteCloser, w *writer, i int, name string) (manifest.File, error) {
	sum := &summed{hash: sha256.New(), out: to, w: w}
	err := b.media[i].WriteTo(w.ctx, sum)
	if bytes, exact := b.media[i].SizeBytes(); err == nil && exact && sum.bytes != bytes {
		err = fmt.Errorf("%d bytes were made, not %d", sum.bytes, bytes)
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return manifest.File{}, fmt.Errorf("stream %s: %w", b.request.Streams[i], err)
	}
	facts := b.media[i].Facts()
	start, end := moment(facts.StartNS), moment(facts.EndNS)
	file := manifest.File{
		Name: name, SizeBytes: sum.bytes, SHA256: fmt.Sprintf("%x", sum.hash.Sum(nil)),
		Format: b.request.Format, Stream: b.request.Streams[i], Start: &start, End: &end, LeftOut: strings.ToValidUTF8(facts.LeftOut, "_"),
	}
	for _, g := range facts.Gaps {
		file.Gaps = append(file.Gaps, manifest.Gap{Start: moment(g.StartNS), End: moment(g.EndNS), Cause: strings.ToValidUTF8(g.Cause, "_"), Track: g.Track, Kept: g.Kept})
	}
	for _, id := range facts.Recordings {
		file.Recordings = append(file.Recordings, id.String())
	}
	return file, nil
}

func moment(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// summed passes on the bytes of a file, sums them, and reports them.
type summed struct {
	hash  hash.Hash
	out   io.Writer
	w     *writer
	bytes int64
}

func (s *summed) Write(p []byte) (int, error) {
	if err := s.w.ctx.Err(); err != nil {
		return 0, context.Cause(s.w.ctx)
	}
	n, err := s.out.Write(p)
	s.hash.Write(p[:n])
	s.bytes += int64(n)
	s.w.progress(n)
	return n, err
}
