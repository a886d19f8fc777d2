/** The reader that a picture came from, as far as its station knows. */
export interface CaptureDevice {
  /** Maker and model, for people. */
  model: string;
  /** Vendor and product, `05ba:000a`. */
  usb?: string | undefined;
  serial?: string | undefined;
}

/** Advisory figures of a picture, each from 0 to 1, as its station measured them. No quality score of any standard. */
export interface CaptureQuality {
  /** Share of the picture in which there is a finger. */
  coverage: number;
  /** Difference between ridge and valley: 1 is black on white. */
  contrast: number;
  /** How clearly the ridges run in one direction. */
  orientation: number;
}
