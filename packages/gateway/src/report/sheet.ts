import PDFDocument from 'pdfkit';

const MARGIN = 48;
/** Room at the foot of each page for its line. */
const FOOT = 56;
const LABEL_WIDTH = 128;
const GAP = 8;
const INK = '#1a1a1a';
const QUIET = '#5f6368';
const RULE = '#d0d3d6';
const ACCENT = '#0b4f8a';

/** A label and what stands beside it; `mono` for ids and hashes, which are compared letter by letter. */
export type Line = [label: string, value: string, face?: 'mono'];

export interface Column {
  title: string;
  /** Points. */
  width: number;
}

export interface SheetInfo {
  title: string;
  /** Stands for every time in the file, so that the same content gives the same bytes. */
  date: Date;
}

/** A4 pages written from top to bottom. Nothing here knows what a report says. */
export class Sheet {
  readonly #doc: PDFKit.PDFDocument;
  readonly #date: Date;

  constructor({ title, date }: SheetInfo) {
    this.#date = date;
    this.#doc = new PDFDocument({
      size: 'A4',
      margins: { top: MARGIN, left: MARGIN, right: MARGIN, bottom: FOOT },
      bufferPages: true,
      lang: 'pt-BR',
      pdfVersion: '1.7',
      displayTitle: true,
      info: { Title: title, Author: 'Atesto', Creator: 'Atesto', CreationDate: date, ModDate: date },
    });
  }

  get #width(): number {
    return this.#doc.page.width - 2 * MARGIN;
  }

  /** The head of the first page: what it is, as of when, and in a frame at the right what it is worth. */
  head(name: string, title: string, standing: string, below: string): void {
    const doc = this.#doc;
    doc.font('Helvetica-Bold').fontSize(10);
    const boxWidth = doc.widthOfString(standing) + 20;
    const boxLeft = MARGIN + this.#width - boxWidth;
    doc.lineWidth(1.2).strokeColor(ACCENT).roundedRect(boxLeft, MARGIN, boxWidth, 22, 3).stroke();
    doc.fillColor(ACCENT).text(standing, boxLeft, MARGIN + 7, { width: boxWidth, align: 'center', lineBreak: false });
    doc.fontSize(9).text(name, MARGIN, MARGIN, { characterSpacing: 2.5, lineBreak: false });
    doc
      .fillColor(INK)
      .fontSize(18)
      .text(title, MARGIN, MARGIN + 14);
    this.#set('Helvetica', 9, QUIET).text(below, MARGIN, doc.y + 1);
  }

  /** The one sentence to be read first. */
  lead(text: string, below: string): void {
    const doc = this.#doc;
    const top = doc.y + 14;
    const left = MARGIN + 12;
    const width = this.#width - 12;
    this.#set('Helvetica-Bold', 13, INK).text(printable(text), left, top, { width });
    this.#set('Helvetica', 9.5, QUIET).text(printable(below), left, doc.y + 2, { width });
    doc.rect(MARGIN, top - 3, 3, doc.y - top + 4).fill(ACCENT);
  }

  /** A heading; goes to the next page where `room` points of it and what follows are not left on this one. */
  section(title: string, room = 64): void {
    const doc = this.#doc;
    doc.y += 12;
    this.#need(room);
    this.#set('Helvetica-Bold', 11, ACCENT).text(title, MARGIN, doc.y);
    this.#rule(doc.y + 1);
    doc.y += 7;
  }

  lines(lines: readonly Line[]): void {
    for (const [label, value, face] of lines) {
      const cells = [
        { text: label, width: LABEL_WIDTH, font: 'Helvetica', size: 9, color: QUIET },
        face === 'mono'
          ? { text: value, width: this.#width - LABEL_WIDTH, font: 'Courier', size: 8.8, color: INK }
          : { text: value, width: this.#width - LABEL_WIDTH, font: 'Helvetica', size: 9, color: INK },
      ];
      this.#row(cells, 3);
    }
  }

  /** Rows under titles that are repeated on each page; a row is never torn. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    const doc = this.#doc;
    const head = () => {
      this.#row(
        columns.map(({ title, width }) => ({ text: title, width, font: 'Helvetica-Bold', size: 8, color: QUIET })),
        3,
      );
      this.#rule(doc.y);
      doc.y += 4;
    };
    head();
    for (const row of rows) {
      const cells = columns.map(({ width }, i) => ({
        text: row[i] ?? '',
        width,
        font: 'Helvetica',
        size: 8.5,
        color: INK,
      }));
      if (this.#need(this.#heightOf(cells))) head();
      this.#row(cells, 4);
    }
  }

  note(text: string): void {
    this.#row([{ text, width: this.#width, font: 'Helvetica', size: 8.5, color: QUIET }], 4);
  }

  attach(name: string, type: string, bytes: Buffer): void {
    this.#doc.file(bytes, { name, type, creationDate: this.#date, modifiedDate: this.#date });
  }

  /** Writes the foot of every page and gives the file. */
  async end(foot: string): Promise<Buffer> {
    const doc = this.#doc;
    const { count } = doc.bufferedPageRange();
    for (let page = 0; page < count; page++) {
      doc.switchToPage(page);
      // The foot stands below the margin, where text would begin a new page.
      doc.page.margins.bottom = 0;
      const top = doc.page.height - FOOT + 22;
      this.#rule(top - 8);
      const line = { width: this.#width, lineBreak: false };
      this.#set('Helvetica', 8, QUIET).text(foot, MARGIN, top, line);
      doc.text(`página ${page + 1} de ${count}`, MARGIN, top, { ...line, align: 'right' });
    }
    const chunks: Buffer[] = [];
    doc.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise<void>((resolve, reject) => doc.once('end', resolve).once('error', reject));
    doc.end();
    await ended;
    return Buffer.concat(chunks);
  }

  #set(font: string, size: number, color: string): PDFKit.PDFDocument {
    return this.#doc.font(font).fontSize(size).fillColor(color);
  }

  #rule(y: number): void {
    this.#doc
      .lineWidth(0.6)
      .strokeColor(RULE)
      .moveTo(MARGIN, y)
      .lineTo(MARGIN + this.#width, y)
      .stroke();
  }

  /** Begins a page where `height` is not left on this one. @returns whether it did */
  #need(height: number): boolean {
    const { page, y } = this.#doc;
    if (y + height <= page.height - FOOT) return false;
    this.#doc.addPage();
    return true;
  }

  #heightOf(cells: readonly Cell[]): number {
    const heights = cells.map(({ text, width, font, size }) =>
      this.#doc
        .font(font)
        .fontSize(size)
        .heightOfString(printable(text), { width: width - GAP }),
    );
    return Math.max(...heights);
  }

  #row(cells: readonly Cell[], space: number): void {
    const doc = this.#doc;
    const height = this.#heightOf(cells);
    this.#need(height);
    const top = doc.y;
    let left = MARGIN;
    for (const { text, width, font, size, color } of cells) {
      this.#set(font, size, color).text(printable(text), left, top, { width: width - GAP });
      left += width;
    }
    doc.x = MARGIN;
    doc.y = top + height + space;
  }
}

interface Cell {
  text: string;
  width: number;
  font: string;
  size: number;
  color: string;
}

/** The built-in fonts know Latin-1 and little more; the attachment has every text as it is. */
function printable(text: string): string {
  return text.normalize('NFC').replace(/[^\x20-\x7e\u00a0-\u00ff–—‘’“”•…€]/gu, '?');
}
