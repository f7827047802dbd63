/**
 * Which house a log is of, as the first event of the one stream `house-this`. The key directory keeps the same id: the two are
 * worth nothing without each other.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type HouseEvents = {
  HouseFounded: {
    /** drawn once; the key directory's constant `house` */
    house: string;
    at: string;
  };
};
