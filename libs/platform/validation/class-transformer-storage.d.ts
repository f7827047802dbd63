/** Where class-transformer keeps what @Type said; the package ships the file, but no types beside it. */
declare module 'class-transformer/cjs/storage.js' {
  export const defaultMetadataStorage: {
    findTypeMetadata(target: Function, propertyName: string): { typeFunction: () => Function } | undefined;
  };
}
