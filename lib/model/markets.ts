/** The exchange's markets and the folder each has in its archive layout. */
export const markets = ["spot", "futures-um", "futures-cm"] as const;
export type Market = (typeof markets)[number];

export const archiveFolderOfMarket: Readonly<Record<Market, string>> = {
  spot: "spot",
  "futures-um": "futures/um",
  "futures-cm": "futures/cm",
};
