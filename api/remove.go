package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline/media"
)

// maxListed bounds the length of a list in an answer without pages. The counts in such an answer
// include the elements that the list leaves out.
const maxListed = 1000

var removeParams = append([]params.Param{
	{Name: "dry_run", Kind: params.Flag, Doc: "report what would be deleted, delete nothing"},
}, filterParams[:3]...)

type deletedAnswer struct {
	Status string `json:"status" enum:"success"`
	ID     string `json:"id" format:"uuid"`
	File   string `json:"file_path"`
	Size   int64  `json:"size"`
}

type removeAnswer struct {
	Status   string          `json:"status" enum:"success"`
	DryRun   bool            `json:"dry_run"`
	Deleted  int             `json:"deleted" doc:"recordings that were deleted, or with dry_run would be"`
	Bytes    int64           `json:"bytes" doc:"total size of their files"`
	Kept     int             `json:"kept" doc:"recordings in the range that are kept"`
	Records  []removedDetail `json:"records" doc:"the first 1000 of the deleted"`
	KeptList []keptDetail    `json:"kept_records" doc:"the first 1000 of the kept"`
}

type removedDetail struct {
	ID   string `json:"id" format:"uuid"`
	File string `json:"file_path"`
	Size int64  `json:"size"`
}

type keptDetail struct {
	ID     string `json:"id" format:"uuid"`
	File   string `json:"file_path"`
	Reason string `json:"reason"`
}

func (s *Server) removeRecord(w http.ResponseWriter, r *request) error {
	rec, err := s.find(r)
	if err != nil {
		return err
	}
	if err := s.remove(r.Context(), &rec); err != nil {
		return err
	}
	s.did(r, "delete", "record", rec.ID.String(), "file", rec.Path)
	answer(w, http.StatusOK, deletedAnswer{"success", rec.ID.String(), rec.Path, rec.SizeBytes})
	return nil
}

// remove deletes one recording. Its error is Conflict, with the reason, if the recording must be kept.
// While the file is being deleted, requests for it get Conflict, too.
func (s *Server) remove(ctx context.Context, rec *media.Record) error {
	if err := s.removable(rec); err != nil {
		return err
	}
	if !s.readers.Claim(rec.Path, s.deps.Clock.Now()) {
		return beingRead(rec)
	}
	defer s.readers.Release(rec.Path)
	return s.deps.Catalogue.Delete(ctx, rec.ID)
}

func (s *Server) removable(rec *media.Record) error {
	switch {
	case rec.Elsewhere:
		return RecordedBy(rec.Node)
	case rec.Protected:
		return Conflict("recording %s is protected: PATCH it with {\"protected\":false} first", rec.ID)
	case rec.Growing():
		return Conflict("recording %s is being written: stop stream %s first", rec.ID, rec.Stream)
	}
	return nil
}

func beingRead(rec *media.Record) error {
	return Conflict("recording %s is being read: try again when the reader is done, or in %v", rec.ID, playback.Patience)
}

// removeRange deletes the recordings that begin and end within [start, end]. It keeps recordings that
// only overlap the range, because it must not delete media outside the range.
func (s *Server) removeRange(w http.ResponseWriter, r *request) error {
	q := media.Query{Start: r.query.Time("start"), End: r.query.Time("end"), Ascending: true, Limit: media.MaxLimit}
	dry := r.query.Flag("dry_run")
	selected, err := filters(&r.query)
	if err != nil {
		return err
	}
	if q.Start.IsZero() || q.End.IsZero() {
		return BadRequest("start and end are needed, so that no mistake deletes everything")
	}
	q.Stream = selected.Stream
	a := removeAnswer{Status: "success", DryRun: dry, Records: []removedDetail{}, KeptList: []keptDetail{}}
	if err := s.eachPage(r.Context(), q, func(rec *media.Record) error { return s.sweep(r.Context(), &a, q, rec) }); err != nil {
		return err
	}
	if !dry {
		s.did(r, "delete range", "stream", q.Stream, "start", q.Start, "end", q.End, "deleted", a.Deleted, "bytes", a.Bytes)
	}
	answer(w, http.StatusOK, a)
	return nil
}

// eachPage calls see for each recording that q selects, page by page, and returns the first error of
// see. It returns Unavailable while the database is down, because it would skip rows that only the
// database has. see may delete the recording: a cursor holds the key of a row and not a count of rows,
// so that the following pages stay the same.
func (s *Server) eachPage(ctx context.Context, q media.Query, see func(*media.Record) error) error {
	q.MaxBytes = maxPageBytes
	for {
		page, err := s.deps.Catalogue.Records(ctx, q)
		if err != nil {
			return err
		}
		if page.Degraded {
			return Unavailable("the catalogue's database does not answer, and only it knows all of the range: try again")
		}
		for i := range page.Records {
			if err := see(&page.Records[i]); err != nil {
				return err
			}
		}
		if q.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

// sweep deletes one recording that overlaps the range of q and adds it to the answer a; if the
// recording must be kept, it adds the reason instead. With a.DryRun it deletes nothing.
func (s *Server) sweep(ctx context.Context, a *removeAnswer, q media.Query, rec *media.Record) error {
	err := s.removable(rec)
	if err == nil && !inside(rec, q.Start, q.End) {
		err = Conflict("it reaches beyond the range")
	}
	if err == nil && a.DryRun && s.readers.Busy(rec.Path) {
		err = beingRead(rec)
	}
	if err == nil && !a.DryRun {
		err = s.remove(ctx, rec)
	}
	var e *Error
	switch {
	case err == nil:
		a.Deleted++
		a.Bytes += rec.SizeBytes
		if len(a.Records) < maxListed {
			a.Records = append(a.Records, removedDetail{rec.ID.String(), rec.Path, rec.SizeBytes})
		}
	case errors.As(err, &e) && e.Code == http.StatusNotFound: // another request deleted it
	case errors.As(err, &e) && e.Code == http.StatusConflict:
		a.Kept++
		if len(a.KeptList) < maxListed {
			a.KeptList = append(a.KeptList, keptDetail{rec.ID.String(), rec.Path, e.Text})
		}
	default:
		return err
	}
	return nil
}

func inside(rec *media.Record, start, end time.Time) bool {
	return rec.StartUTC >= start.UnixNano() && rec.EndUTC <= end.UnixNano()
}
