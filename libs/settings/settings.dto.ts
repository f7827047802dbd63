import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min, ValidateBy, ValidateNested } from 'class-validator';
import { CodePoints, describeConstraint, NoControl, UtcDate, type JsonSchema } from '#libs/platform/validation/decorators';
import type { DtoClass } from '#libs/platform/validation/schema';
import { EXPORT_FORMAT, isMask } from './administration.js';
import { CATEGORIES, isSecret, NAMES, namesIn, partsOf, settingOf, type AnyName, type Category } from './table.js';

/** A secret is written as text; as it is shown, `{"set": true}`, it stays what it is. */
const written = (name: AnyName): JsonSchema => {
  const { schema } = settingOf(name).form;
  return isSecret(name) ? { ...schema, type: ['string', 'object'], properties: { set: { type: 'boolean' } }, required: ['set'], additionalProperties: false } : schema;
};
describeConstraint('setting', ([name]) => written(name as AnyName));

/** What the table says of a setting, as one of class-validator's decorators; null takes it back to its default. */
const SettingIs = (name: AnyName): PropertyDecorator => ValidateBy({
  name: 'setting', constraints: [name],
  validator: { validate: (value) => settingOf(name).form.accepts(value) || (isSecret(name) && isMask(value)), defaultMessage: () => `$property must be ${settingOf(name).form.allowed}` },
});

function dtoOf(category: Category): DtoClass {
  class Settings {}
  Object.defineProperty(Settings, 'name', { value: `${category[0]!.toUpperCase()}${category.slice(1)}Settings` });
  for (const name of namesIn(category)) for (const decorate of [IsOptional(), SettingIs(name)]) decorate(Settings.prototype, partsOf(name)[1]);
  return Settings;
}
/** One class for each category, made from the table. */
export const CATEGORY_DTOS: Record<Category, DtoClass> = Object.fromEntries(CATEGORIES.map((category) => [category, dtoOf(category)])) as Record<Category, DtoClass>;

const withCategories = (dto: DtoClass): void => {
  for (const category of CATEGORIES) for (const decorate of [IsOptional(), ValidateNested(), Type(() => CATEGORY_DTOS[category])]) decorate(dto.prototype as object, category);
};

/** `PUT /api/v1/settings`: what is to change, by category. */
export class ChangeSettingsDto {
  @IsOptional() @CodePoints(0, 500) @NoControl()
  reason?: string;

  @IsOptional() @IsBoolean()
  confirm?: boolean;
}
withCategories(ChangeSettingsDto);

/** The settings of an export. */
export class SettingsByCategory {}
withCategories(SettingsByCategory);

/** `POST /api/v1/settings/import`: an export as it is, or a part of one. */
export class ImportSettingsDto {
  @IsOptional() @IsIn([EXPORT_FORMAT])
  format?: typeof EXPORT_FORMAT;

  @IsOptional() @IsIn([1])
  format_version?: 1;

  @IsOptional() @UtcDate()
  exported_at?: string;

  @ValidateNested() @Type(() => SettingsByCategory)
  settings!: SettingsByCategory;

  @IsOptional() @CodePoints(0, 500) @NoControl()
  reason?: string;

  @IsOptional() @IsBoolean()
  confirm?: boolean;

  @IsOptional() @IsBoolean()
  dry_run?: boolean;
}

/** `GET /api/v1/settings/audit` */
export class AuditQuery {
  @IsOptional() @IsIn([...CATEGORIES])
  category?: Category;

  @IsOptional() @IsIn([...NAMES])
  name?: AnyName;

  @IsOptional() @CodePoints(1, 254) @NoControl()
  who?: string;

  @IsOptional() @UtcDate()
  from?: string;

  @IsOptional() @UtcDate()
  to?: string;

  @IsOptional() @IsInt() @Min(1) @Max(200)
  limit?: number;

  @IsOptional() @IsString() @MaxLength(500)
  after?: string;
}
